import { foldSlots } from './fold.ts';
import { HISTORY_MS, type History } from './history.ts';
import { JoinedSlot } from './joined-slot.ts';
import type { Slot } from './slot.ts';

/** A stretch of time, with what every server did in it. */
interface Bin {
  /** Its end, a multiple of the step. */
  readonly endMs: number;
  /** By target. */
  readonly parts: ReadonlyMap<string, Slot>;
  readonly slot: Slot;
}

/** Several servers' histories as one, oldest first. */
export interface Merged {
  readonly bins: readonly Bin[];
  /** End of the last bin each target reported to. */
  readonly lastOf: ReadonlyMap<string, number>;
}

export const NOTHING_MERGED: Merged = { bins: [], lastOf: new Map() };

/** Frames of servers do not end together: they go by the second, or by the interval where that is longer. */
const MIN_STEP_MS = 1000;

/**
 * Adds what a target did. A server that was away and tells of its past fills the stretches in which it
 * was missing.
 */
export function addToMerged(merged: Merged, target: string, slot: Slot, intervalMs: number): Merged {
  const stepMs = Math.max(MIN_STEP_MS, intervalMs);
  const endMs = binEnd(slot, merged.lastOf.get(target), stepMs);
  const at = merged.bins.findLastIndex((bin) => bin.endMs <= endMs);
  const found = merged.bins[at];
  const known = found?.endMs === endMs ? found : undefined;
  const before = known?.parts.get(target);
  const parts = new Map(known?.parts).set(target, before === undefined ? slot : foldSlots(before, slot));
  const bins = [...merged.bins];
  bins.splice(known === undefined ? at + 1 : at, known === undefined ? 0 : 1, {
    endMs,
    parts,
    slot: new JoinedSlot([...parts.values()], endMs, stepMs),
  });
  const oldestMs = (bins.at(-1)?.endMs ?? 0) - HISTORY_MS;
  return {
    bins: bins.filter((bin) => bin.endMs > oldestMs),
    lastOf: new Map(merged.lastOf).set(target, Math.max(endMs, merged.lastOf.get(target) ?? 0)),
  };
}

/** Forgets a target that is watched no more; what it did stays. */
export function dropFromMerged(merged: Merged, target: string): Merged {
  const lastOf = new Map(merged.lastOf);
  lastOf.delete(target);
  return { ...merged, lastOf };
}

/**
 * The history to be shown. The newest stretch is left out while a server that answers has not told of
 * it yet: half of the servers would look like half the load.
 */
export function mergedHistory({ bins }: Merged, answering: readonly string[], intervalMs: number): History {
  const newest = bins.at(-1);
  const enoughMs = Math.max(MIN_STEP_MS, intervalMs) * 0.75;
  const whole = newest !== undefined && answering.every((name) => (newest.parts.get(name)?.coveredMs ?? 0) >= enoughMs);
  return (whole ? bins : bins.slice(0, -1)).map(({ slot }) => slot);
}

/**
 * Frames come a step apart, with some jitter: one follows the other into the next bin, so that a frame
 * near the border of two does not go now here, now there.
 */
function binEnd({ endMs, coveredMs }: Slot, lastMs: number | undefined, stepMs: number): number {
  const nearest = Math.round(endMs / stepMs) * stepMs;
  const next = (lastMs ?? Number.NEGATIVE_INFINITY) + stepMs;
  const follows = coveredMs > stepMs / 2 && Math.abs(endMs - next) < stepMs;
  return follows ? next : nearest;
}
