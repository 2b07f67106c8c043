import type { Histogram } from './gen/memoryhub/v1/stats_service.ts';
import type { WireHistogram } from './histogram.ts';

/** Many histograms share a buffer: one of their own each takes more than the counts of most. */
const SLAB_BYTES = 16 * 1024;

let slab = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/**
 * A histogram to be kept. A second's bucket counts are small and many: as decoded bigints they take
 * forty times the room, and longer to add. What is kept comes and goes in order, so that a shared
 * buffer is let go of with the last of its histograms.
 */
export function compact(histogram: Histogram | undefined): WireHistogram | undefined {
  if (histogram === undefined || histogram.count === 0n) return undefined;
  return {
    ...histogram,
    counts: narrow(histogram.counts),
    count: Number(histogram.count),
    zeroCount: Number(histogram.zeroCount),
  };
}

/** The counts in one, two or four bytes each, whatever the largest of them takes. */
function narrow(counts: readonly bigint[]): ArrayLike<number> {
  const largest = counts.reduce((most, count) => (count > most ? count : most), 0n);
  const Counts = largest < 2n ** 8n ? Uint8Array : largest < 2n ** 16n ? Uint16Array : Uint32Array;
  // First the place, for it may be in another buffer than the last one's.
  const place = placeFor(counts.length, Counts.BYTES_PER_ELEMENT);
  const kept = new Counts(slab, place, counts.length);
  for (let i = 0; i < kept.length; i++) kept[i] = Number(counts[i]);
  return kept;
}

function placeFor(count: number, bytesEach: number): number {
  const start = Math.ceil(used / bytesEach) * bytesEach;
  const end = start + count * bytesEach;
  if (end <= slab.byteLength) {
    used = end;
    return start;
  }
  // A foreign sender's histogram may be larger than any of ours.
  slab = new ArrayBuffer(Math.max(SLAB_BYTES, count * bytesEach));
  used = count * bytesEach;
  return 0;
}
