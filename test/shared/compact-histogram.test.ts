import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compact } from '../../src/shared/compact-histogram.ts';
import { Histogram } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../src/shared/histogram.ts';

const counts = fc.array(fc.oneof(fc.nat(3), fc.nat(300), fc.nat(70_000), fc.nat(2 ** 32 - 1)), {
  minLength: 1,
  maxLength: 1000,
});

/** A histogram with these bucket counts, as a frame brings it. */
function wire(offset: number, buckets: readonly number[]): Histogram {
  const count = buckets.reduce((sum, bucket) => sum + bucket, 0);
  return Histogram.fromPartial({
    scale: 5,
    offset,
    counts: buckets.map(BigInt),
    count: BigInt(count),
    sum: count * 3.5,
    min: 1,
    max: 9,
  });
}

test('many of them, kept side by side, are each what it was', () => {
  fc.assert(
    fc.property(fc.array(counts, { minLength: 1, maxLength: 60 }), (all) => {
      const frames = all.filter((buckets) => buckets.some((bucket) => bucket > 0)).map((buckets) => wire(2, buckets));
      // All are kept before the first is looked at: one that was written over another would be seen.
      const kept = frames.map((frame) => compact(frame));
      expect(kept.map((histogram) => Array.from(histogram?.counts ?? [], Number))).toEqual(
        frames.map((frame) => frame.counts.map(Number)),
      );
      for (const [i, frame] of frames.entries()) {
        expect(LatencyHistogram.fromWire(kept[i])).toEqual(LatencyHistogram.fromWire(frame));
      }
    }),
    { numRuns: 60 },
  );
});

test('a second of small counts takes a byte a bucket, in a buffer it shares', () => {
  const kept = Array.from({ length: 20 }, () =>
    compact(
      wire(
        0,
        Array.from({ length: 150 }, (_, i) => i % 7),
      ),
    ),
  );
  const views = kept.map((histogram) => histogram?.counts as Uint8Array);
  expect(views.map(({ byteLength }) => byteLength)).toEqual(Array(20).fill(150));
  expect(new Set(views.map(({ buffer }) => buffer)).size).toBeLessThanOrEqual(2);
});

test('one without values is none', () => {
  expect(compact(undefined)).toBeUndefined();
  expect(compact(Histogram.create())).toBeUndefined();
});
