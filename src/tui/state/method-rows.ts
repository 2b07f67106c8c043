import { errorChange, percentileChange, rateChange } from './change.ts';
import { passes } from './filter.ts';
import type { MonitorState } from './state.ts';
import type { MethodSummary, WindowSummary } from './summary.ts';
import type { SortColumn, View } from './view.ts';

const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 } as const;

/** What values are told as changes of; undefined: they are told as they are. */
export function comparedWith({ view, baseline }: Pick<MonitorState, 'view' | 'baseline'>): WindowSummary | undefined {
  return view.difference ? baseline?.window : undefined;
}

/** The rows of the method table: filtered, and sorted by what the column shows, which may be a change. */
export function methodRows(
  methods: readonly MethodSummary[],
  state: Pick<MonitorState, 'view' | 'baseline'>,
): readonly MethodSummary[] {
  const { view } = state;
  const baseline = comparedWith(state);
  const rows = methods.filter(({ name }) => passes(view.filter, name));
  const sign = view.reversed ? -1 : 1;
  const value = (row: MethodSummary, column: Exclude<SortColumn, 'name'>) =>
    baseline === undefined ? shownValue(row, column) : changeOf(row, column, baseline);
  const { sort } = view;
  // Numbers fall, names rise.
  const compare = (a: MethodSummary, b: MethodSummary) =>
    sort === 'name' ? a.name.localeCompare(b.name) : falling(value(a, sort), value(b, sort));
  return rows.sort((a, b) => sign * (compare(a, b) || a.name.localeCompare(b.name)));
}

function falling(a: number, b: number): number {
  return a === b ? 0 : b - a;
}

function shownValue(method: MethodSummary, column: Exclude<SortColumn, 'name'>): number {
  switch (column) {
    case 'rate':
      return method.rate;
    case 'errors':
      return method.errorShare;
    case 'inFlight':
      return method.inFlight;
    default:
      return method.latency.percentile(QUANTILES[column]);
  }
}

/** How much more it is than before: what was not there before is first, what cannot be told is last. */
function changeOf(now: MethodSummary, column: Exclude<SortColumn, 'name'>, baseline: WindowSummary): number {
  if (column === 'inFlight') return now.inFlight;
  const before = baseline.methods.find(({ name }) => name === now.name);
  if (before === undefined) return Number.MAX_VALUE;
  if (column === 'errors') {
    const change = errorChange(before, now);
    return change === undefined ? -Number.MAX_VALUE : change.now - change.before;
  }
  const change =
    column === 'rate' ? rateChange(before, now) : percentileChange(before.latency, now.latency, QUANTILES[column]);
  if (change === undefined) return -Number.MAX_VALUE;
  if (change.before === 0) return change.now === 0 ? 1 : Number.MAX_VALUE;
  return change.now / change.before;
}

/** The row under the cursor: the selected method, else the first. */
export function selectedIndex(rows: readonly MethodSummary[], view: View): number {
  return Math.max(
    0,
    rows.findIndex(({ name }) => name === view.selected),
  );
}
