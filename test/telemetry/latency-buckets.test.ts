import fc from 'fast-check';
import { expect, it } from 'vitest';
import { explicitCounts, LATENCY_BOUNDS, latencyFamily } from '../../src/server/telemetry/metrics/latency.ts';
import { LatencyHistogram } from '../../src/shared/histogram.ts';
import { durationFromMs, timestampFromMs } from '../../src/shared/time.ts';

/** Latencies in microseconds, from nothing to an hour. */
const latencies = fc.array(
  fc.double({ min: 0, max: 31.5, noNaN: true }).map((octave) => 2 ** octave - 1),
  { maxLength: 200 },
);
/** Two neighbouring buckets of the statistics: 2 ^ (1/32). */
const BUCKET = 2 ** (1 / 32);

function recorded(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

it('no call is said to be faster than it was, none is lost, and none is off by more than a bucket', () => {
  fc.assert(
    fc.property(latencies, (values) => {
      const counts = explicitCounts(recorded(values).toWire(), LATENCY_BOUNDS);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
      let below = 0;
      LATENCY_BOUNDS.forEach((bound, index) => {
        below += counts[index] ?? 0;
        expect(below).toBeLessThanOrEqual(values.filter((us) => us <= bound * 1e6 * (1 + 1e-9)).length);
        expect(below).toBeGreaterThanOrEqual(values.filter((us) => us <= (bound * 1e6) / BUCKET / (1 + 1e-9)).length);
      });
    }),
  );
});

it('count and sum are those of the statistics', () => {
  const histogram = recorded([120, 4000, 250_000]);
  const [sample] = latencyFamily('x', 'x', [{ labels: {}, latency: histogram.toWire() }]).samples;
  expect(sample).toMatchObject({ count: 3, sum: 0.25412, min: 0.00012, max: 0.25 });
});

it('the newest traced call of a bucket is its exemplar, and one without a trace is none', () => {
  const call = (atMs: number, ms: number, traceId: string) => ({
    at: timestampFromMs(atMs),
    duration: durationFromMs(ms),
    code: 0,
    traceId,
    stageUs: [],
  });
  const slowest = [call(1000, 150, 'older'), call(2000, 160, 'newer'), call(3000, 170, ''), call(1000, 20_000, 'last')];
  const latency = recorded([150_000, 160_000, 170_000, 20_000_000]).toWire();
  const [sample] = latencyFamily('x', 'x', [{ labels: {}, latency, slowest }]).samples;
  expect(sample?.exemplars).toEqual(
    new Map([
      [LATENCY_BOUNDS.indexOf(0.2), { traceId: 'newer', value: 0.16, atMs: 2000 }],
      [LATENCY_BOUNDS.length, { traceId: 'last', value: 20, atMs: 1000 }],
    ]),
  );
});
