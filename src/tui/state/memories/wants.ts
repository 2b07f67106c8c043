import { isTransient } from '../connection.ts';
import type { MonitorState } from '../state.ts';
import { isNear, type MemoryBrowser, reachOf } from './browser.ts';

/** Something the browser needs from the server. A want of one key is one call. */
export type MemoryWant = { readonly key: string } & (
  | {
      readonly kind: 'page';
      readonly query: number;
      readonly index: number;
      readonly filter: string;
      readonly orderBy: string;
      readonly token: string;
      readonly withText: boolean;
    }
  | { readonly kind: 'memory'; readonly id: string; readonly withText: boolean }
  | { readonly kind: 'revisions'; readonly id: string; readonly token: string }
  | { readonly kind: 'revision'; readonly id: string; readonly revision: number }
  | { readonly kind: 'storage' }
  | { readonly kind: 'settings' }
);

/** A call that failed for the moment is made again after this. Milliseconds. */
const AGAIN_MS = 5000;
/** The server counts anew once a minute. Milliseconds. */
const STORAGE_MS = 60_000;
/** Somebody may change a setting while it is looked at. Milliseconds. */
const SETTINGS_MS = 15_000;
/** Rows of the history that are asked for together, and how near its end more are. */
export const REVISION_ROWS = 50;
const REVISIONS_NEAR = 10;
/** More history than this is not kept. */
const MOST_REVISIONS = 1000;

/** What is missing for what is looked at. Nothing, while neither memories nor their storage are shown. */
export function memoryWants(state: MonitorState): readonly MemoryWant[] {
  const { memories, view, nowMs } = state;
  if (memories.access.kind !== 'key') return [];
  const wants =
    view.screen === 'memories'
      ? [...pageWants(memories, view.rows), ...openedWants(memories), ...storageWants(memories, nowMs)]
      : view.screen === 'store'
        ? storageWants(memories, nowMs)
        : view.screen === 'settings'
          ? settingsWants(memories, nowMs)
          : [];
  return wants.filter(({ key }) => !isHeldBack(memories, key, nowMs));
}

/**
 * Which of several servers is asked: the one that is looked at, else the first that answers, for the
 * memories of one database are the same on all. Undefined where there is one.
 */
export function askedServer({ targets, view }: MonitorState): string | undefined {
  if (targets.length < 2) return undefined;
  return view.target ?? targets.find(({ connection }) => connection.phase === 'live')?.name;
}

function isHeldBack({ failures }: MemoryBrowser, key: string, nowMs: number): boolean {
  const failure = failures.find(({ want }) => want === key);
  if (failure === undefined) return false;
  return !isTransient(failure.problem) || nowMs - failure.atMs < AGAIN_MS;
}

/** A filter without an index is answered in short or empty pages: the next one is wanted as long as its rows may be in sight. */
function pageWants(browser: MemoryBrowser, screenRows: number): MemoryWant[] {
  const { query, filter, order, starts, pages, row, textShown } = browser;
  return starts.flatMap(({ token }, index): MemoryWant[] => {
    const page = pages.find((known) => known.index === index);
    if (!isNear(starts, index, row, reachOf(screenRows))) return [];
    if (page !== undefined && (page.withText || !textShown)) return [];
    const key = `page ${query} ${index} ${textShown}`;
    return [{ key, kind: 'page', query, index, filter, orderBy: order, token, withText: textShown }];
  });
}

function openedWants({ opened, textShown }: MemoryBrowser): MemoryWant[] {
  if (opened === undefined) return [];
  const { id, memory, withText, revisions, revisionsToken, revisionRow, mode } = opened;
  const wants: MemoryWant[] = [];
  if (memory === undefined || (textShown && !withText)) {
    wants.push({ key: `memory ${id} ${textShown}`, kind: 'memory', id, withText: textShown });
  }
  const nearEnd = revisionRow + REVISIONS_NEAR >= revisions.length && revisions.length < MOST_REVISIONS;
  if (revisionsToken === undefined || (revisionsToken !== '' && nearEnd)) {
    const token = revisionsToken ?? '';
    wants.push({ key: `revisions ${id} ${token}`, kind: 'revisions', id, token });
  }
  // Whole revisions are texts: while those are hidden, none is asked for.
  if (mode === 'diff' && textShown) {
    for (const revision of comparedRevisions(opened)) {
      if (revision < 1 || opened.bodies.some((body) => Number(body.revision) === revision)) continue;
      wants.push({ key: `revision ${id} ${revision}`, kind: 'revision', id, revision });
    }
  }
  return wants;
}

/** The two revisions that are compared, the earlier first; 0 stands for nothing before the first. */
export function comparedRevisions(opened: NonNullable<MemoryBrowser['opened']>): readonly [number, number] {
  const at = opened.revisions[opened.revisionRow]?.revision ?? 0;
  const other = opened.marked === undefined || opened.marked === at ? at - 1 : opened.marked;
  return at < other ? [at, other] : [other, at];
}

function settingsWants({ settingsMs }: MemoryBrowser, nowMs: number): MemoryWant[] {
  return settingsMs === undefined || nowMs - settingsMs >= SETTINGS_MS ? [{ key: 'settings', kind: 'settings' }] : [];
}

function storageWants({ storageMs }: MemoryBrowser, nowMs: number): MemoryWant[] {
  return storageMs === undefined || nowMs - storageMs >= STORAGE_MS ? [{ key: 'storage', kind: 'storage' }] : [];
}
