import type { Histogram } from './gen/memoryhub/v1/stats_service.ts';

/**
 * Adds one histogram of the contract to another, exactly, without decoding either.
 *
 * @param target changed in place when it holds anything
 * @returns the sum: `target`, or a copy of `from` (never `from` itself)
 * @throws RangeError when their scales differ
 */
export function addHistogram(target: Histogram | undefined, from: Histogram | undefined): Histogram | undefined {
  if (from === undefined || from.count === 0n) return target;
  if (target === undefined || target.count === 0n) return { ...from, counts: from.counts.slice() };
  if (target.scale !== from.scale) throw new RangeError(`histograms of scale ${target.scale} and ${from.scale}`);
  addCounts(target, from);
  target.count += from.count;
  target.zeroCount += from.zeroCount;
  target.sum += from.sum;
  target.min = Math.min(target.min, from.min);
  target.max = Math.max(target.max, from.max);
  return target;
}

function addCounts(target: Histogram, from: Histogram): void {
  if (from.counts.length === 0) return;
  if (target.counts.length === 0) {
    target.offset = from.offset;
    target.counts = from.counts.slice();
    return;
  }
  const first = Math.min(target.offset, from.offset);
  const end = Math.max(target.offset + target.counts.length, from.offset + from.counts.length);
  if (end - first > target.counts.length) {
    const wider = new Array<bigint>(end - first).fill(0n);
    for (let i = 0; i < target.counts.length; i++) wider[target.offset - first + i] = target.counts[i] as bigint;
    target.counts = wider;
    target.offset = first;
  }
  for (let i = 0; i < from.counts.length; i++) {
    (target.counts[from.offset - target.offset + i] as bigint) += from.counts[i] as bigint;
  }
}
