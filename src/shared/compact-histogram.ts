import type { Histogram } from './gen/memoryhub/v1/stats_service.ts';
import type { WireHistogram } from './histogram.ts';

/** Bucket counts as 32-bit numbers: a decoded bigint takes six times the room, and longer to add. */
export function compact(histogram: Histogram | undefined): WireHistogram | undefined {
  if (histogram === undefined || histogram.count === 0n) return undefined;
  return {
    ...histogram,
    counts: Uint32Array.from(histogram.counts, Number),
    count: Number(histogram.count),
    zeroCount: Number(histogram.zeroCount),
  };
}
