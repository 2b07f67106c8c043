import type { Memory, Revision } from '../../../shared/gen/memoryhub/v1/memory.ts';
import type { GetStorageInfoResponse } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { Problem } from '../connection.ts';
import type { MonitorState } from '../state.ts';
import {
  kept,
  type MemoryBrowser,
  type MemoryCall,
  type MemoryRow,
  type OpenedMemory,
  type RevisionRow,
} from './browser.ts';
import type { SettingRow } from './settings.ts';
import type { MemoryWant } from './wants.ts';

type WantOf<Kind extends MemoryWant['kind']> = Extract<MemoryWant, { kind: Kind }>;

/** What came of a want. */
export type MemoryAnswer = { readonly call: MemoryCall } & (
  | { readonly kind: 'page'; readonly want: WantOf<'page'>; readonly rows: readonly MemoryRow[]; readonly next: string }
  | { readonly kind: 'memory'; readonly want: WantOf<'memory'>; readonly memory: Memory }
  | {
      readonly kind: 'revisions';
      readonly want: WantOf<'revisions'>;
      readonly rows: readonly RevisionRow[];
      readonly next: string;
    }
  | { readonly kind: 'revision'; readonly want: WantOf<'revision'>; readonly body: Revision }
  | { readonly kind: 'storage'; readonly want: WantOf<'storage'>; readonly storage: GetStorageInfoResponse }
  | { readonly kind: 'settings'; readonly want: WantOf<'settings'>; readonly settings: readonly SettingRow[] }
  | { readonly kind: 'failed'; readonly want: MemoryWant; readonly problem: Problem; readonly reason: string }
);

/** Whole revisions are up to 256 KiB each. */
const BODIES_KEPT = 4;
const FAILURES_KEPT = 16;

/** The browser with an answer. One to a question that nobody asks any more changes nothing. */
export function withAnswer(state: MonitorState, answer: MemoryAnswer): MonitorState {
  const before = state.memories;
  const memories = applied(before, answer, state);
  if (memories === before) return state;
  const failures = before.failures.filter(({ want }) => want !== answer.want.key);
  const failed = answer.kind === 'failed' ? [failureOf(answer, state.nowMs)] : [];
  const call = answer.kind === 'storage' ? before.lastCall : answer.call;
  return {
    ...state,
    memories: { ...memories, lastCall: call, failures: [...failures, ...failed].slice(-FAILURES_KEPT) },
  };
}

function failureOf({ want, problem, reason }: Extract<MemoryAnswer, { kind: 'failed' }>, atMs: number) {
  return { want: want.key, problem, reason, atMs };
}

function applied(browser: MemoryBrowser, answer: MemoryAnswer, { view, nowMs }: MonitorState): MemoryBrowser {
  const { opened } = browser;
  switch (answer.kind) {
    case 'failed':
      return { ...browser };
    case 'storage':
      return { ...browser, storage: answer.storage, storageMs: nowMs };
    case 'settings':
      return { ...browser, settings: answer.settings, settingsMs: nowMs };
    case 'page':
      return withPage(browser, answer, view.rows);
    case 'memory': {
      const { id, withText } = answer.want;
      // Texts were hidden while it was on its way: it is not kept.
      if (opened?.id !== id || (withText && !browser.textShown)) return browser;
      return { ...browser, opened: { ...opened, memory: answer.memory, withText } };
    }
    case 'revisions': {
      if (opened?.id !== answer.want.id || (opened.revisionsToken ?? '') !== answer.want.token) return browser;
      const revisions = [...opened.revisions, ...answer.rows];
      return { ...browser, opened: { ...opened, revisions, revisionsToken: answer.next } };
    }
    case 'revision': {
      if (opened?.id !== answer.want.id || !browser.textShown) return browser;
      return { ...browser, opened: { ...opened, bodies: withBody(opened, answer.body) } };
    }
  }
}

function withBody({ bodies }: OpenedMemory, body: Revision): readonly Revision[] {
  return [...bodies.filter(({ revision }) => revision !== body.revision), body].slice(-BODIES_KEPT);
}

function withPage(
  browser: MemoryBrowser,
  { want, rows, next }: Extract<MemoryAnswer, { kind: 'page' }>,
  screenRows: number,
): MemoryBrowser {
  if (want.query !== browser.query || (want.withText && !browser.textShown)) return browser;
  const page = { index: want.index, rows, withText: want.withText };
  const begun = browser.starts[want.index];
  if (begun === undefined) return browser;
  const isLast = browser.starts.length === want.index + 1;
  const end = begun.row + rows.length;
  const starts = next !== '' && isLast ? [...browser.starts, { token: next, row: end }] : browser.starts;
  const total = next === '' && isLast ? end : browser.total;
  const others = browser.pages.filter(({ index }) => index !== want.index);
  const pages = kept({ pages: [...others, page], starts }, browser.row, screenRows);
  const row = total === undefined ? browser.row : Math.max(0, Math.min(browser.row, total - 1));
  return { ...browser, pages, starts, total, row };
}
