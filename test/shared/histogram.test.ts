import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram, MAX_US, MIN_US } from '../../src/shared/histogram.ts';

/** Half the width of a bucket, relative to the value: (base - 1) / (base + 1) with base 2^(1/32). */
const ERROR_BOUND = (2 ** (1 / 32) - 1) / (2 ** (1 / 32) + 1);

const latency = fc.oneof(
  fc.double({ min: MIN_US, max: MAX_US, noNaN: true }),
  fc.integer({ min: 1, max: 50_000 }),
  // Powers of two and their neighbours: where an index computed by logarithm goes wrong.
  fc.tuple(fc.integer({ min: 0, max: 31 }), fc.constantFrom(-1e-9, 0, 1e-9)).map(([e, d]) => Math.max(1, 2 ** e + d)),
);
const latencies = fc.array(latency, { minLength: 1, maxLength: 300 });

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

function nearestRank(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(quantile * sorted.length - 1e-9)) - 1] as number;
}

describe('histogram', () => {
  it('gives every percentile within 1.1 % of the exact one', () => {
    expect(ERROR_BOUND).toBeLessThan(0.011);
    fc.assert(
      fc.property(latencies, fc.double({ min: 0.001, max: 0.9999, noNaN: true }), (values, quantile) => {
        const histogram = histogramOf(values);
        for (const q of [quantile, 0.5, 0.95, 0.99, 0.999]) {
          const exact = nearestRank(values, q);
          expect(Math.abs(histogram.percentile(q) - exact) / exact).toBeLessThanOrEqual(ERROR_BOUND + 1e-12);
        }
      }),
    );
  });

  it('keeps the smallest, the largest, the count and the sum exactly', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const histogram = histogramOf(values);
        expect(histogram.percentile(0)).toBe(Math.min(...values));
        expect(histogram.percentile(1)).toBe(Math.max(...values));
        expect(histogram.count).toBe(values.length);
        expect(histogram.sum).toBe(values.reduce((sum, value) => sum + value, 0));
      }),
    );
  });

  it('puts a value into the bucket whose upper end it does not pass', () => {
    fc.assert(
      fc.property(latency, (value) => {
        const buckets = [...histogramOf([value]).buckets()];
        expect(buckets).toHaveLength(1);
        expect(buckets[0]?.lowUs).toBeLessThan(value);
        expect(buckets[0]?.highUs).toBeGreaterThanOrEqual(value);
      }),
    );
  });

  it('is the same whether values are recorded into one or into two that are added', () => {
    fc.assert(
      fc.property(latencies, latencies, (left, right) => {
        const sum = histogramOf(left);
        sum.add(histogramOf(right));
        const { sum: sumUs, ...rest } = sum.toWire();
        const { sum: exactUs, ...exact } = histogramOf([...left, ...right]).toWire();
        expect(rest).toEqual(exact);
        expect(sumUs).toBeCloseTo(exactUs, 0);
      }),
    );
  });

  it('is the same after the wire', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(latency, fc.constant(0))), (values) => {
        const wire = histogramOf(values).toWire();
        const decoded = Histogram.decode(Histogram.encode(wire).finish());
        expect(LatencyHistogram.fromWire(decoded).toWire()).toEqual(wire);
        expect(wire.counts.reduce((sum, count) => sum + count, wire.zeroCount)).toBe(wire.count);
      }),
    );
  });

  it('has, after an earlier state is taken away, the counts recorded since', () => {
    fc.assert(
      fc.property(latencies, latencies, (before, since) => {
        const histogram = histogramOf([...before, ...since]);
        histogram.subtract(histogramOf(before));
        const exact = histogramOf(since);
        expect([...histogram.buckets()]).toEqual([...exact.buckets()]);
        expect(histogram.min / exact.min).toBeGreaterThan(1 - 0.022);
        expect(histogram.max / exact.max).toBeLessThan(1 + 0.022);
      }),
    );
  });

  it('counts zero as zero and clamps what is outside 1 us .. 1 h', () => {
    const histogram = histogramOf([0, -3, Number.NaN, 0.2, 9e12]);
    expect(histogram.toWire()).toMatchObject({ count: 5n, zeroCount: 3n, min: 0, max: MAX_US });
    expect(histogram.percentile(0.5)).toBe(0);
    expect(histogram.percentile(0.8)).toBe(MIN_US);
    expect(histogram.percentile(0.9)).toBe(MAX_US);
  });

  it('is empty after a reset and gives 0 for everything', () => {
    const histogram = histogramOf([0, 5, 7000]);
    histogram.reset();
    expect(histogram.toWire()).toEqual(new LatencyHistogram().toWire());
    expect([...histogram.buckets()]).toEqual([]);
    expect(histogram.percentile(0.99)).toBe(0);
  });

  it('tells how many were at most a value', () => {
    const histogram = histogramOf([0, 10, 100, 1000, 10_000]);
    expect([0, 50, 500, 5000, 50_000].map((us) => histogram.countAtMost(us))).toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses to add a histogram of another scale', () => {
    const wire = { ...histogramOf([5]).toWire(), scale: 4 };
    expect(() => LatencyHistogram.fromWire(wire)).toThrow(RangeError);
  });
});
