import { LatencyHistogram } from '../../shared/histogram.ts';
import { isWatch } from './method-name.ts';
import type { MethodSlot, Slot } from './slot.ts';

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
export function rateSeries(slots: readonly Slot[], grid: TimeGrid): Series {
  const calls = new Float64Array(grid.columns);
  const knownMs = new Float64Array(grid.columns);
  const startMs = grid.endMs - grid.columns * grid.columnMs;
  for (const slot of slots) {
    if (slot.coveredMs <= 0) continue;
    const completed = slot.methods.reduce((sum, method) => sum + method.completed, 0);
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

/** Merged latencies per column: a slot belongs to the column in which its middle lies. */
export function latencyColumns(
  slots: readonly Slot[],
  grid: TimeGrid,
  wanted: (method: MethodSlot) => boolean = ({ name }) => !isWatch(name),
): readonly (LatencyHistogram | undefined)[] {
  const columns: (LatencyHistogram | undefined)[] = Array.from({ length: grid.columns }, () => undefined);
  const startMs = grid.endMs - grid.columns * grid.columnMs;
  for (const slot of slots) {
    const column = Math.floor((slot.endMs - slot.coveredMs / 2 - startMs) / grid.columnMs);
    if (column < 0 || column >= grid.columns) continue;
    const histogram = columns[column] ?? new LatencyHistogram();
    columns[column] = histogram;
    for (const method of slot.methods) {
      if (method.latency !== undefined && wanted(method)) histogram.addWire(method.latency);
    }
  }
  return columns;
}

/** One percentile per column, in microseconds; undefined where no call ended. */
export function percentileSeries(columns: readonly (LatencyHistogram | undefined)[], quantile: number): Series {
  return columns.map((histogram) =>
    histogram === undefined || histogram.count === 0 ? undefined : histogram.percentile(quantile),
  );
}

/** Calls per latency band and column: `bands[row][column]`; `upperUs` ascending, the last band is open. */
export function heatBands(
  columns: readonly (LatencyHistogram | undefined)[],
  upperUs: readonly number[],
): readonly Series[] {
  const atMost = columns.map((histogram) => histogram && upperUs.map((us) => histogram.countAtMost(us)));
  return Array.from({ length: upperUs.length + 1 }, (_, band) =>
    columns.map((histogram, column) => {
      if (histogram === undefined) return undefined;
      const counts = atMost[column] ?? [];
      return (counts[band] ?? histogram.count) - (band === 0 ? 0 : (counts[band - 1] as number));
    }),
  );
}
