import { LatencyHistogram, type WireHistogram } from '../../shared/histogram.ts';
import type { Slot } from './slot.ts';

/** The latencies of a stretch, merged. */
export function merged(slots: readonly Slot[], pick: (slot: Slot) => WireHistogram | undefined): LatencyHistogram {
  const sum = new LatencyHistogram();
  for (const slot of slots) {
    const histogram = pick(slot);
    if (histogram !== undefined) sum.addWire(histogram);
  }
  return sum;
}

/** A count over a stretch. */
export function total(slots: readonly Slot[], pick: (slot: Slot) => number | undefined): number {
  return slots.reduce((sum, slot) => sum + (pick(slot) ?? 0), 0);
}

/** A count of a stretch, a second. */
export function rate(slots: readonly Slot[], count: number): number {
  const ms = coveredMs(slots);
  return ms === 0 ? 0 : (count * 1000) / ms;
}

/** How much time a stretch covers. Milliseconds. */
export function coveredMs(slots: readonly Slot[]): number {
  return slots.reduce((sum, slot) => sum + slot.coveredMs, 0);
}
