import type { ScreenName, TabName } from './screens.ts';

/** How a table that is no table of methods is looked at. */
export interface TableView {
  /** Empty: every row; a leading "!" inverts. */
  readonly filter: string;
  /** The row under the cursor. */
  readonly row: number;
  /** Index of the column that sorts it. */
  readonly sort: number;
  readonly reversed: boolean;
}

/** What of the state is looked at, and how. */
export interface View {
  readonly screen: ScreenName;
  /** Where a method was opened from, for Esc. */
  readonly openedFrom: TabName;
  readonly helpOpen: boolean;
  /** The first row of the help that is shown, where it does not fit. */
  readonly helpTop: number;
  /** Name of the target that is looked at, of several; undefined: all of them, merged. */
  readonly target: string | undefined;
  /** End of the frozen view, by the server's clock; undefined while live. */
  readonly pausedAtMs: number | undefined;
  readonly windowMs: number;
  readonly intervalMs: number;
  readonly sort: SortColumn;
  readonly reversed: boolean;
  /** Empty: every method; a leading "!" inverts. */
  readonly filter: string;
  /** While the filter is typed: what it was before, for Esc. */
  readonly filterBefore: string | undefined;
  /** Name of the method under the cursor; undefined: the first row. */
  readonly selected: string | undefined;
  /** The panel of the overview shown where there is room for one. */
  readonly panel: number;
  readonly events: TableView;
  /** Whether the event under the cursor is told in full. */
  readonly eventOpen: boolean;
  readonly clients: TableView;
  readonly settings: TableView;
  readonly statements: TableView;
  /** The panel of the store shown where there is room for one. */
  readonly storePanel: number;
  /** How far before the end of what is shown the time cursor of a method stands; undefined: there is none. */
  readonly cursorBackMs: number | undefined;
  /** The slowest call that `y` copies, from the slowest. */
  readonly slowRow: number;
  /** Whether tables and percentiles tell how they differ from the baseline. */
  readonly difference: boolean;
  /** Whether the graph has the whole screen. */
  readonly expanded: boolean;
  /** The graph that was chosen; undefined: that of the screen. */
  readonly graph: GraphName | undefined;
  /** Sentences instead of panels, for those who hear the screen. */
  readonly screenReader: boolean;
  /** Told in the footer until the next key. */
  readonly notice: string | undefined;
  readonly columns: number;
  readonly rows: number;
}

export const SORT_COLUMNS = ['rate', 'errors', 'inFlight', 'p50', 'p95', 'p99', 'max', 'name'] as const;
export type SortColumn = (typeof SORT_COLUMNS)[number];

export const PANELS = ['rate', 'heat', 'methods', 'postgres', 'redis', 'process', 'levels', 'events'] as const;
export type PanelName = (typeof PANELS)[number];

/** In the order in which `m` goes through them. */
export const GRAPHS = ['rate', 'errors', 'heat', 'p99'] as const;
export type GraphName = (typeof GRAPHS)[number];

/** The graph a screen shows. */
export function shownGraph({ graph, screen }: View): GraphName {
  return graph ?? (screen === 'method' ? 'p99' : screen === 'methods' ? 'heat' : 'rate');
}

export const STORE_PANELS = ['statements', 'postgres', 'redis', 'cache', 'tables', 'storage'] as const;
export type StorePanelName = (typeof STORE_PANELS)[number];

/** Milliseconds. */
export const WINDOWS: readonly number[] = [10_000, 60_000, 300_000, 900_000];
/** Milliseconds; the contract takes 100 ms to 60 s. */
export const INTERVALS: readonly number[] = [100, 250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];

const INITIAL_TABLE: TableView = { filter: '', row: 0, sort: 0, reversed: false };

export const INITIAL_VIEW: View = {
  screen: 'overview',
  openedFrom: 'overview',
  helpOpen: false,
  helpTop: 0,
  target: undefined,
  pausedAtMs: undefined,
  windowMs: 60_000,
  intervalMs: 1000,
  sort: 'rate',
  reversed: false,
  filter: '',
  filterBefore: undefined,
  selected: undefined,
  panel: PANELS.indexOf('methods'),
  events: INITIAL_TABLE,
  eventOpen: false,
  clients: INITIAL_TABLE,
  settings: INITIAL_TABLE,
  statements: INITIAL_TABLE,
  storePanel: 0,
  cursorBackMs: undefined,
  slowRow: 0,
  difference: false,
  expanded: false,
  graph: undefined,
  screenReader: false,
  notice: undefined,
  columns: 80,
  rows: 24,
};

const FULL_COLUMNS = 80;
const FULL_ROWS = 20;

/** Below 80x20 one panel is shown at a time. */
export function showsOnePanel({ columns, rows }: View): boolean {
  return columns < FULL_COLUMNS || rows < FULL_ROWS;
}
