import type { LatencyHistogram } from '../../shared/histogram.ts';
import type { Summary } from './summary.ts';

/** A value beside the one before. */
export interface Change {
  readonly before: number;
  readonly now: number;
  /** Worse by more than chance makes of two samples of the same thing. */
  readonly worse: boolean;
}

/** Both ends of 95 %: two intervals that do not meet differ by chance in less than one case of a hundred. */
const Z = 1.96;
/** A quantile is known within 1.1 % on either side, and calls come in bursts: less than this is no change. */
const LEAST_RATIO = 1.05;

/** How a percentile changed; undefined where there were no calls before or now. */
export function percentileChange(
  before: LatencyHistogram,
  now: LatencyHistogram,
  quantile: number,
): Change | undefined {
  if (before.count === 0 || now.count === 0) return undefined;
  const values = { before: before.percentile(quantile), now: now.percentile(quantile) };
  const beyond = values.now > values.before * LEAST_RATIO;
  return { ...values, worse: beyond && leastOf(now, quantile) > mostOf(before, quantile) };
}

/** How the share of errors changed; undefined where there were no calls before or now. */
export function errorChange(before: Summary, now: Summary): Change | undefined {
  if (before.completed === 0 || now.completed === 0) return undefined;
  const worse = wilson(now.errors, now.completed)[0] > wilson(before.errors, before.completed)[1];
  return { before: before.errorShare, now: now.errorShare, worse };
}

/** How many more calls a second; more is neither better nor worse. */
export function rateChange(before: Summary, now: Summary): Change {
  return { before: before.rate, now: now.rate, worse: false };
}

/** How much it moves by chance is that of its rank: it is as far from the quantile as a coin of its weight falls. */
function rankError(count: number, quantile: number): number {
  return Z * Math.sqrt((quantile * (1 - quantile)) / count);
}

function leastOf(latency: LatencyHistogram, quantile: number): number {
  const at = quantile - rankError(latency.count, quantile);
  return at <= 0 ? 0 : latency.percentile(at);
}

/** Of few calls nobody knows how slow the slowest of a hundred is. */
function mostOf(latency: LatencyHistogram, quantile: number): number {
  const at = quantile + rankError(latency.count, quantile);
  return at >= 1 ? Number.POSITIVE_INFINITY : latency.percentile(at);
}

/** Wilson's interval of a share: it holds for few calls and for shares near zero too. */
function wilson(part: number, whole: number): readonly [least: number, most: number] {
  const share = part / whole;
  const spread = Z * Math.sqrt((share * (1 - share)) / whole + Z ** 2 / (4 * whole ** 2));
  const middle = share + Z ** 2 / (2 * whole);
  const scale = 1 + Z ** 2 / whole;
  return [(middle - spread) / scale, (middle + spread) / scale];
}
