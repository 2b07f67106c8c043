import { LatencyHistogram } from '../../shared/histogram.ts';
import { coveredMs } from './over-slots.ts';
import type { Slot, TableSlot } from './slot.ts';
import { type MonitorState, shownEndMs, shownSlots } from './state.ts';

/** What one kind of statement did in the window. */
export interface StatementRow {
  readonly kind: string;
  readonly latency: LatencyHistogram;
  /** Statements a second. */
  readonly rate: number;
  /** Rows returned or changed, a second. */
  readonly rowRate: number;
  readonly errors: number;
  /** Of the time all statements took, 0..1. */
  readonly share: number;
}

/** What sorts the statements, in the order in which `s` goes through them; the slowest come first. */
export const STATEMENT_SORTS = ['p99', 'p50', 'max', 'rate', 'share', 'errors', 'kind'] as const;

/** Statements of the window by kind. */
export function statementRows(state: MonitorState): readonly StatementRow[] {
  const { sort, reversed } = state.view.statements;
  const by = STATEMENT_SORTS[sort] ?? 'p99';
  const sign = reversed ? -1 : 1;
  return statementsOf(shownSlots(state)).sort(
    (a, b) => sign * ((by === 'kind' ? 0 : sortValue(b, by) - sortValue(a, by)) || a.kind.localeCompare(b.kind)),
  );
}

function sortValue(row: StatementRow, by: Exclude<(typeof STATEMENT_SORTS)[number], 'kind'>): number {
  switch (by) {
    case 'p99':
      return row.latency.percentile(0.99);
    case 'p50':
      return row.latency.percentile(0.5);
    case 'max':
      return row.latency.max;
    default:
      return row[by];
  }
}

function statementsOf(slots: readonly Slot[]): StatementRow[] {
  const sums = new Map<string, { latency: LatencyHistogram; rows: number; errors: number }>();
  for (const { kind, latency, rows, errors } of slots.flatMap(({ statements }) => statements)) {
    const sum = sums.get(kind) ?? { latency: new LatencyHistogram(), rows: 0, errors: 0 };
    if (latency !== undefined) sum.latency.addWire(latency);
    sum.rows += rows;
    sum.errors += errors;
    sums.set(kind, sum);
  }
  const seconds = coveredMs(slots) / 1000;
  const time = [...sums.values()].reduce((all, { latency }) => all + latency.sum, 0);
  const perSecond = (count: number) => (seconds === 0 ? 0 : count / seconds);
  return [...sums].map(([kind, { latency, rows, errors }]) => ({
    kind,
    latency,
    rate: perSecond(latency.count),
    rowRate: perSecond(rows),
    errors,
    share: time === 0 ? 0 : latency.sum / time,
  }));
}

/** A table or one of its indexes, as a row. */
export interface SizeRow {
  readonly name: string;
  readonly isIndex: boolean;
  readonly rows: number | undefined;
  readonly bytes: number;
  readonly indexBytes: number | undefined;
  readonly deadRows: number | undefined;
  /** Scans of the whole table, or of the index, a minute; undefined until there were two samples. */
  readonly scansPerMinute: number | undefined;
}

export interface TableSizes {
  /** When they were taken; undefined when the server has not told any. */
  readonly atMs: number | undefined;
  /** Each table, largest first, followed by its indexes, largest first. */
  readonly rows: readonly SizeRow[];
}

/** The last sizes before the end of what is shown, and how often each was read since the ones before. */
export function tableSizes(state: MonitorState): TableSizes {
  const endMs = shownEndMs(state);
  const samples = state.history.filter(({ tables, endMs: at }) => tables.length > 0 && at <= endMs);
  const last = samples.at(-1);
  if (last === undefined) return { atMs: undefined, rows: [] };
  const before = samples.findLast((slot) => slot !== last && slot.replica === last.replica);
  const minutes = before === undefined ? 0 : (last.endMs - before.endMs) / 60_000;
  const tables = [...last.tables].sort((a, b) => b.tableBytes + b.indexBytes - a.tableBytes - a.indexBytes);
  return { atMs: last.endMs, rows: tables.flatMap((table) => rowsOf(table, before, minutes)) };
}

function rowsOf(table: TableSlot, before: Slot | undefined, minutes: number): SizeRow[] {
  const earlier = before?.tables.find(({ name }) => name === table.name);
  // A database that was set up anew counts from zero.
  const perMinute = (now: number, then: number | undefined) =>
    then === undefined || minutes <= 0 ? undefined : Math.max(0, now - then) / minutes;
  const indexes = [...table.indexes].sort((a, b) => b.bytes - a.bytes);
  return [
    {
      name: table.name,
      isIndex: false,
      rows: table.rowEstimate,
      bytes: table.tableBytes,
      indexBytes: table.indexBytes,
      deadRows: table.deadRows,
      scansPerMinute: perMinute(table.sequentialScans, earlier?.sequentialScans),
    },
    ...indexes.map(({ name, bytes, scans }) => ({
      name,
      isIndex: true,
      rows: undefined,
      bytes,
      indexBytes: undefined,
      deadRows: undefined,
      scansPerMinute: perMinute(scans, earlier?.indexes.find((index) => index.name === name)?.scans),
    })),
  ];
}
