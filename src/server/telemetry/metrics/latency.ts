import type { Histogram, SlowCall } from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import { msFromDuration, msFromTimestamp } from '../../../shared/time.ts';
import type { Exemplar, HistogramFamily, HistogramSample, Labels } from './family.ts';

/**
 * Seconds. OpenTelemetry's advice for rpc.server.call.duration, finer below 5 ms, where most calls
 * are, and with the service levels (0.2 s for a call, 5 s for a batch) among them.
 */
export const LATENCY_BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.2, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5,
  10,
];

const US_PER_S = 1e6;
/** Bounds that are also the end of one of our buckets differ from it in the last bits only. */
const TOLERANCE = 1 + 1e-9;

/** What a histogram of latencies is made of. */
export interface LatencyRow {
  readonly labels: Labels;
  /** In microseconds, as the statistics have it; undefined: nothing yet. */
  readonly latency: Histogram | undefined;
  /** Some of the calls in it, for exemplars. */
  readonly slowest?: readonly SlowCall[];
}

export function latencyFamily(name: string, help: string, rows: readonly LatencyRow[]): HistogramFamily {
  return { type: 'histogram', name, unit: 's', help, bounds: LATENCY_BOUNDS, samples: rows.flatMap(sample) };
}

function sample({ labels, latency, slowest = [] }: LatencyRow): HistogramSample[] {
  if (latency === undefined) return [];
  return [
    {
      labels,
      counts: explicitCounts(latency, LATENCY_BOUNDS),
      count: Number(latency.count),
      sum: latency.sum / US_PER_S,
      min: latency.min / US_PER_S,
      max: latency.max / US_PER_S,
      exemplars: exemplarsOf(slowest),
    },
  ];
}

/**
 * An exponential histogram in buckets of our choice. One of its buckets that a bound cuts in two is
 * counted above the bound: what is said to be faster than a bound is, and at most 2.2 % in latency
 * beyond it is not said to be. Count and sum are exact.
 *
 * @param bounds in seconds, rising
 */
export function explicitCounts(latency: Histogram, bounds: readonly number[]): number[] {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  counts[0] = Number(latency.zeroCount);
  let bound = 0;
  for (let i = 0; i < latency.counts.length; i++) {
    const upperUs = 2 ** ((latency.offset + i + 1) / 2 ** latency.scale);
    while (bound < bounds.length && upperUs > (bounds[bound] as number) * US_PER_S * TOLERANCE) bound++;
    (counts[bound] as number) += Number(latency.counts[i]);
  }
  return counts;
}

/** The latest traced call of each bucket. */
function exemplarsOf(slowest: readonly SlowCall[]): ReadonlyMap<number, Exemplar> {
  const byBucket = new Map<number, Exemplar>();
  for (const { at, duration, traceId } of slowest) {
    if (traceId === '' || at === undefined || duration === undefined) continue;
    const value = msFromDuration(duration) / 1000;
    const found = LATENCY_BOUNDS.findIndex((bound) => value <= bound);
    const bucket = found === -1 ? LATENCY_BOUNDS.length : found;
    const atMs = msFromTimestamp(at);
    if (atMs > (byBucket.get(bucket)?.atMs ?? 0)) byBucket.set(bucket, { traceId, value, atMs });
  }
  return byBucket;
}
