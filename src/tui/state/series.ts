import { LatencyHistogram } from '../../shared/histogram.ts';
import { isWatch } from '../../shared/method-name.ts';
import type { MethodSlot, Slot } from './slot.ts';
import { isError } from './summary.ts';

/** Values along time, oldest first; undefined where nothing is known (no server, no monitor yet). */
export type Series = readonly (number | undefined)[];

/** A stretch of time cut into columns. */
export interface TimeGrid {
  readonly endMs: number;
  readonly columnMs: number;
  readonly columns: number;
}

/** The grid that shows a window in so many columns. */
export function gridOf(endMs: number, windowMs: number, columns: number): TimeGrid {
  return { endMs, columnMs: windowMs / columns, columns };
}

/**
 * Calls a second that ended, per column. A slot that lies in several columns is shared out by
 * overlap, so the area under the curve is the number of calls whatever the width.
 */
export function rateSeries(slots: readonly Slot[], grid: TimeGrid, wanted: MethodFilter = () => true): Series {
  const calls = new Float64Array(grid.columns);
  const knownMs = new Float64Array(grid.columns);
  const startMs = grid.endMs - grid.columns * grid.columnMs;
  for (const slot of slots) {
    if (slot.coveredMs <= 0) continue;
    const completed = slot.methods.reduce((sum, method) => sum + (wanted(method) ? method.completed : 0), 0);
    const fromMs = Math.max(slot.endMs - slot.coveredMs, startMs);
    const toMs = Math.min(slot.endMs, grid.endMs);
    const first = Math.max(0, Math.floor((fromMs - startMs) / grid.columnMs));
    for (let column = first; column < grid.columns; column++) {
      const columnStart = startMs + column * grid.columnMs;
      const overlap = Math.min(toMs, columnStart + grid.columnMs) - Math.max(fromMs, columnStart);
      if (overlap <= 0) break;
      calls[column] = (calls[column] as number) + (completed * overlap) / slot.coveredMs;
      knownMs[column] = (knownMs[column] as number) + overlap;
    }
  }
  return Array.from(calls, (count, i) => {
    const ms = knownMs[i] as number;
    // A sliver of a frame at a column's edge would be a rate out of nothing.
    return ms < Math.min(grid.columnMs / 4, 250) ? undefined : (count * 1000) / ms;
  });
}

/** Which methods a series is about; by default all but the streams that live as long as their reader. */
export type MethodFilter = (method: MethodSlot) => boolean;
const ALL_CALLS: MethodFilter = ({ name }) => !isWatch(name);

/** Share of the calls that failed, 0..1, per column; undefined where none ended. */
export function errorSeries(slots: readonly Slot[], grid: TimeGrid, wanted: MethodFilter = () => true): Series {
  const errors = new Float64Array(grid.columns);
  const ended = new Float64Array(grid.columns);
  for (const slot of slots) {
    const column = columnOf(slot, grid);
    if (column === undefined) continue;
    for (const { completed, codes } of slot.methods.filter(wanted)) {
      ended[column] = (ended[column] as number) + completed;
      for (const { code, count } of codes) if (isError(code)) errors[column] = (errors[column] as number) + count;
    }
  }
  return Array.from(errors, (count, i) => (ended[i] === 0 ? undefined : count / (ended[i] as number)));
}

/** One percentile per column, in microseconds; undefined where no call ended. */
export function percentileSeries(
  slots: readonly Slot[],
  grid: TimeGrid,
  quantile: number,
  wanted: MethodFilter = ALL_CALLS,
): Series {
  const series: (number | undefined)[] = Array.from({ length: grid.columns }, () => undefined);
  eachColumn(slots, grid, wanted, (column, latency) => {
    if (latency.count > 0) series[column] = latency.percentile(quantile);
  });
  return series;
}

/**
 * Calls per latency band and column: `bands[band][column]`; `uppersUs` ascending, the last band is
 * open. Undefined where nothing is known.
 */
export function heatBands(
  slots: readonly Slot[],
  grid: TimeGrid,
  uppersUs: readonly number[],
  wanted: MethodFilter = ALL_CALLS,
): readonly Series[] {
  const bands = Array.from({ length: uppersUs.length + 1 }, (): (number | undefined)[] =>
    Array.from({ length: grid.columns }, () => undefined),
  );
  eachColumn(slots, grid, wanted, (column, latency) => {
    let below = 0;
    bands.forEach((band, i) => {
      const upper = uppersUs[i];
      const atMost = upper === undefined ? latency.count : latency.countAtMost(upper);
      band[column] = atMost - below;
      below = atMost;
    });
  });
  return bands;
}

/** Lent to every column in turn: a histogram is 8 KB, and a frame has hundreds of columns. */
const scratch = new LatencyHistogram();

/**
 * The merged latencies of each column that has slots, oldest first. The histogram holds until the
 * next column only.
 */
function eachColumn(
  slots: readonly Slot[],
  grid: TimeGrid,
  wanted: MethodFilter,
  visit: (column: number, latency: LatencyHistogram) => void,
): void {
  let current = -1;
  scratch.reset();
  for (const slot of slots) {
    const column = columnOf(slot, grid);
    if (column === undefined) continue;
    if (column !== current) {
      if (current >= 0) visit(current, scratch);
      scratch.reset();
      current = column;
    }
    for (const method of slot.methods) {
      if (method.latency !== undefined && wanted(method)) scratch.addWire(method.latency);
    }
  }
  if (current >= 0) visit(current, scratch);
}

/** A slot belongs to the column in which its middle lies. */
function columnOf({ endMs, coveredMs }: Slot, grid: TimeGrid): number | undefined {
  const startMs = grid.endMs - grid.columns * grid.columnMs;
  const column = Math.floor((endMs - coveredMs / 2 - startMs) / grid.columnMs);
  return column < 0 || column >= grid.columns || endMs > grid.endMs ? undefined : column;
}
