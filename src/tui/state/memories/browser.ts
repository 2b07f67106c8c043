import type { Memory, Revision } from '../../../shared/gen/memoryhub/v1/memory.ts';
import type { GetStorageInfoResponse } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { Problem } from '../connection.ts';
import type { SettingRow } from './settings.ts';

/** Rows a page is asked for. */
export const PAGE_ROWS = 100;

export const ORDERS = ['update_time desc', 'update_time', 'create_time desc', 'create_time'] as const;
export type MemoryOrder = (typeof ORDERS)[number];

/** Whether there is a key that may read memories. */
export type MemoryAccess =
  /** `from` says where the key is from, never what it is. */
  | { readonly kind: 'key'; readonly from: string }
  | { readonly kind: 'none'; readonly lookedAt: string; readonly why?: string }
  /** A recording: there is no server behind it. */
  | { readonly kind: 'recording' };

/** A memory as a row of the list: what VIEW_BASIC carries, and the head of its text while texts are shown. */
export interface MemoryRow {
  readonly id: string;
  readonly key: string;
  readonly owner: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly createMs: number;
  readonly updateMs: number;
  readonly text: string | undefined;
}

/** Rows of the list that came together. */
export interface MemoryPage {
  /** Its place among the pages of the query, from 0. */
  readonly index: number;
  readonly rows: readonly MemoryRow[];
  readonly withText: boolean;
}

/** Where a page begins: with which token it is asked for, and at which row of the list. */
export interface PageStart {
  readonly token: string;
  readonly row: number;
}

/** The list begins without a token. */
export const FIRST_PAGE: readonly PageStart[] = [{ token: '', row: 0 }];

/** A revision as a row of the history. */
export interface RevisionRow {
  readonly revision: number;
  /** Number of memoryhub.v1.Operation. */
  readonly operation: number;
  readonly author: string;
  readonly note: string;
  readonly createMs: number;
}

/** What the panel of the opened memory shows. */
export type MemoryMode = 'memory' | 'json' | 'diff';

/** The memory that was opened. */
export interface OpenedMemory {
  readonly id: string;
  readonly memory: Memory | undefined;
  readonly withText: boolean;
  readonly revisions: readonly RevisionRow[];
  /** Where its history goes on; undefined: not asked yet; empty: it is whole. */
  readonly revisionsToken: string | undefined;
  /** The revision under the cursor, as a row of the history. */
  readonly revisionRow: number;
  /** The revision another one is compared with; undefined: the one before it. */
  readonly marked: number | undefined;
  /** Whole revisions, as far as they are compared. */
  readonly bodies: readonly Revision[];
  readonly mode: MemoryMode;
  /** First line that is shown. */
  readonly top: number;
}

/** A call that failed; it is not made again until something changes. */
export interface MemoryFailure {
  readonly want: string;
  readonly problem: Problem;
  /** An ErrorReason, or empty. */
  readonly reason: string;
  readonly atMs: number;
}

/** The last call: how long it took, and its trace. */
export interface MemoryCall {
  readonly what: string;
  readonly ms: number;
  readonly traceId: string;
  /** Address of the server that was asked. */
  readonly server: string;
}

/** The memory browser. Only the pages around the cursor are kept. */
export interface MemoryBrowser {
  readonly access: MemoryAccess;
  /** In the language of the server. */
  readonly filter: string;
  /** The filter while it is typed. */
  readonly draft: string;
  readonly order: MemoryOrder;
  /** Counts the queries: answers to an earlier one are dropped. */
  readonly query: number;
  readonly pages: readonly MemoryPage[];
  /** Where each page begins, as far as it is known. */
  readonly starts: readonly PageStart[];
  /** Rows of the whole list, once its last page was seen. */
  readonly total: number | undefined;
  readonly row: number;
  readonly pane: 'list' | 'memory';
  readonly textShown: boolean;
  readonly opened: OpenedMemory | undefined;
  readonly failures: readonly MemoryFailure[];
  readonly lastCall: MemoryCall | undefined;
  readonly storage: GetStorageInfoResponse | undefined;
  /** When the storage was last told, by the monitor's clock. */
  readonly storageMs: number | undefined;
  /** Settings in force; undefined until they were asked for. */
  readonly settings: readonly SettingRow[] | undefined;
  readonly settingsMs: number | undefined;
}

export const INITIAL_BROWSER: MemoryBrowser = {
  access: { kind: 'recording' },
  filter: '',
  draft: '',
  order: 'update_time desc',
  query: 0,
  pages: [],
  starts: FIRST_PAGE,
  total: undefined,
  row: 0,
  pane: 'list',
  textShown: false,
  opened: undefined,
  failures: [],
  lastCall: undefined,
  storage: undefined,
  storageMs: undefined,
  settings: undefined,
  settingsMs: undefined,
};

/** The row at a place of the list: undefined while its page is not here, "gone" when it is there no more. */
export function rowAt({ pages, starts }: MemoryBrowser, place: number): MemoryRow | 'gone' | undefined {
  const index = starts.findLastIndex(({ row }) => row <= place);
  const page = pages.find((known) => known.index === index);
  return page === undefined ? undefined : (page.rows[place - (starts[index]?.row ?? 0)] ?? 'gone');
}

/** As many rows as are known to be there; there may be more. */
export function knownRows({ pages, starts, total }: MemoryBrowser): number {
  if (total !== undefined) return total;
  const last = starts.length - 1;
  const page = pages.find(({ index }) => index === last);
  return (starts[last]?.row ?? 0) + (page?.rows.length ?? 0);
}

/** How far around the cursor rows are wanted: what can be seen, and some more. */
export function reachOf(screenRows: number): number {
  return Math.max(30, screenRows);
}

/** Whether a page has rows within so many of the cursor; of the last page nobody knows the end. */
export function isNear(starts: readonly PageStart[], index: number, row: number, reach: number): boolean {
  const first = starts[index]?.row ?? 0;
  const next = starts[index + 1]?.row ?? Number.POSITIVE_INFINITY;
  return first <= row + reach && next > row - reach;
}

/** Without the pages far from the cursor: those in sight are kept, and one more at either end. */
export function kept(
  { pages, starts }: Pick<MemoryBrowser, 'pages' | 'starts'>,
  row: number,
  screenRows: number,
): readonly MemoryPage[] {
  return pages.filter(({ index }) => isNear(starts, index, row, reachOf(screenRows) + PAGE_ROWS));
}
