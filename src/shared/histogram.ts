import type { Histogram } from './gen/memoryhub/v1/stats_service.ts';

/** Buckets double every 2^SCALE; the contract fixes it, so that any two histograms can be added. */
export const SCALE = 5;
/** Values are clamped to 1 us .. 1 h. */
export const MIN_US = 1;
export const MAX_US = 3_600_000_000;

const PER_OCTAVE = 2 ** SCALE;
/** 1 us lies in the bucket (base^-1, base^0], which is the first. */
const FIRST = -1;
const LAST = Math.ceil(Math.log2(MAX_US) * PER_OCTAVE) - 1;
const SIZE = LAST - FIRST + 1;

/** UPPER[i] is the largest value of the bucket in slot i; slot i holds bucket index i + FIRST. */
const UPPER = Float64Array.from({ length: SIZE }, (_, slot) => 2 ** ((slot + FIRST + 1) / PER_OCTAVE));

/**
 * The bucket, within its octave, of the smallest value with these 8 leading mantissa bits. 256
 * steps are finer than 32 buckets, so the right bucket is this one or the next.
 */
const STEPS = Int8Array.from({ length: 256 }, (_, step) => Math.ceil(Math.log2(1 + step / 256) * PER_OCTAVE) - 1);

const bits = new Float64Array(1);
const words = new Uint32Array(bits.buffer);
const HIGH_WORD = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Slot of a value already within MIN_US..MAX_US: exponent and mantissa, no logarithm. */
function slotOf(us: number): number {
  bits[0] = us;
  const high = words[HIGH_WORD] as number;
  const octave = ((high >>> 20) & 0x7ff) - 1023;
  const slot = octave * PER_OCTAVE + (STEPS[(high >>> 12) & 0xff] as number) - FIRST;
  return us > (UPPER[slot] as number) ? slot + 1 : slot;
}

/** A histogram of the wire, or one kept in less space: counts may be plain numbers in a typed array. */
export interface WireHistogram extends Pick<Histogram, 'scale' | 'offset' | 'sum' | 'min' | 'max'> {
  readonly counts: ArrayLike<bigint | number>;
  readonly count: bigint | number;
  readonly zeroCount: bigint | number;
}

/** One bucket: `count` values in (lowUs, highUs]. */
export interface Bucket {
  readonly lowUs: number;
  readonly highUs: number;
  readonly count: number;
}

/**
 * A latency histogram with base-2 exponential buckets of fixed scale, as OpenTelemetry defines them
 * (data model, "ExponentialHistogram"). Adding is exact, so percentiles hold over any time, set of
 * methods or set of replicas; recording allocates nothing.
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(SIZE);
  #count = 0;
  #zeroCount = 0;
  // Doubles of an object are written in place only after the first; an array never allocates.
  readonly #sumMinMax = new Float64Array(3);

  /** Values recorded. */
  get count(): number {
    return this.#count;
  }

  /** Sum in microseconds, of the clamped values. */
  get sum(): number {
    return this.#sumMinMax[0] as number;
  }

  /** Smallest value in microseconds; 0 when empty. */
  get min(): number {
    return this.#sumMinMax[1] as number;
  }

  /** Largest value in microseconds; 0 when empty. */
  get max(): number {
    return this.#sumMinMax[2] as number;
  }

  /** Mean in microseconds; 0 when empty. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.sum / this.#count;
  }

  /** @param us microseconds; 0 or less (and NaN) counts as zero, the rest is clamped to 1 us .. 1 h */
  record(us: number): void {
    let value = 0;
    if (us > 0) {
      value = Math.min(Math.max(us, MIN_US), MAX_US);
      (this.#counts[slotOf(value)] as number)++;
    } else {
      this.#zeroCount++;
    }
    const totals = this.#sumMinMax;
    (totals[0] as number) += value;
    if (this.#count === 0 || value < (totals[1] as number)) totals[1] = value;
    if (value > (totals[2] as number)) totals[2] = value;
    this.#count++;
  }

  /** Adds every value of another; exact. */
  add(other: LatencyHistogram): void {
    if (other.#count === 0) return;
    const [first, last] = other.#range();
    for (let slot = first; slot <= last; slot++) (this.#counts[slot] as number) += other.#counts[slot] as number;
    this.#addTotals(other.#count, other.#zeroCount, other.sum, other.min, other.max);
  }

  /**
   * Adds a histogram from the wire. Buckets outside 1 us .. 1 h go into the outermost ones.
   *
   * @throws RangeError when its scale is another one
   */
  addWire(wire: WireHistogram): void {
    const count = Number(wire.count);
    if (count === 0) return;
    if (wire.scale !== SCALE) throw new RangeError(`histogram of scale ${wire.scale}, only ${SCALE} can be added`);
    for (let i = 0; i < wire.counts.length; i++) {
      const slot = Math.min(Math.max(wire.offset + i - FIRST, 0), SIZE - 1);
      (this.#counts[slot] as number) += Number(wire.counts[i]);
    }
    this.#addTotals(count, Number(wire.zeroCount), wire.sum, wire.min, wire.max);
  }

  /**
   * Takes away an earlier state of this histogram, which leaves what was recorded since. Its
   * smallest and largest value are then known to the bucket only (within 2.2 %).
   */
  subtract(earlier: LatencyHistogram): void {
    let first = -1;
    let last = -1;
    for (let slot = 0; slot < SIZE; slot++) {
      const left = Math.max(0, (this.#counts[slot] as number) - (earlier.#counts[slot] as number));
      this.#counts[slot] = left;
      if (left === 0) continue;
      if (first === -1) first = slot;
      last = slot;
    }
    this.#count = Math.max(0, this.#count - earlier.#count);
    this.#zeroCount = Math.max(0, this.#zeroCount - earlier.#zeroCount);
    const totals = this.#sumMinMax;
    totals[0] = this.#count === 0 ? 0 : Math.max(0, this.sum - earlier.sum);
    totals[1] = this.#zeroCount > 0 || first === -1 ? 0 : Math.max(lowerOf(first), this.min);
    totals[2] = last === -1 ? 0 : Math.min(UPPER[last] as number, this.max);
  }

  /** Forgets everything. */
  reset(): void {
    if (this.#count === 0) return;
    const [first, last] = this.#range();
    this.#counts.fill(0, first, last + 1);
    this.#sumMinMax.fill(0);
    this.#count = 0;
    this.#zeroCount = 0;
  }

  /**
   * The value of rank ceil(quantile * count), within 1.1 %: the point of its bucket that is
   * relatively as far from both ends, never beyond the smallest and largest value seen.
   * (Interpolating inside the bucket would look finer and double the worst case.)
   *
   * @param quantile 0..1; 0 is the smallest value, 1 the largest, both exact
   * @returns microseconds; 0 when empty
   */
  percentile(quantile: number): number {
    if (this.#count === 0 || quantile <= 0) return this.min;
    if (quantile >= 1) return this.max;
    // 0.07 * 100 is 7.000000000000001: without the tolerance its rank would be 8.
    const rank = Math.max(1, Math.ceil(quantile * this.#count - 1e-9));
    if (rank >= this.#count) return this.max;
    let seen = this.#zeroCount;
    if (seen >= rank) return 0;
    const [first, last] = this.#range();
    for (let slot = first; slot <= last; slot++) {
      seen += this.#counts[slot] as number;
      if (seen >= rank) return this.#middleOf(slot);
    }
    return this.max;
  }

  /** How many values were at most `us`, to the bucket `us` lies in, which is counted whole. */
  countAtMost(us: number): number {
    if (!(us >= 0)) return 0;
    let total = this.#zeroCount;
    if (us === 0) return total;
    const end = slotOf(Math.min(Math.max(us, MIN_US), MAX_US));
    for (let slot = 0; slot <= end; slot++) total += this.#counts[slot] as number;
    return total;
  }

  /** The buckets that hold anything, smallest first; zeros come as (0, 0]. */
  *buckets(): Generator<Bucket, void, undefined> {
    if (this.#zeroCount > 0) yield { lowUs: 0, highUs: 0, count: this.#zeroCount };
    if (this.#count === 0) return;
    const [first, last] = this.#range();
    for (let slot = first; slot <= last; slot++) {
      const count = this.#counts[slot] as number;
      if (count > 0) yield { lowUs: lowerOf(slot), highUs: UPPER[slot] as number, count };
    }
  }

  /** As the contract carries it, without the empty buckets at both ends. */
  toWire(): Histogram {
    let first = 0;
    let last = -1;
    if (this.#count > this.#zeroCount) {
      [first, last] = this.#range();
      while (this.#counts[first] === 0) first++;
      while (this.#counts[last] === 0) last--;
    }
    const counts: bigint[] = [];
    for (let slot = first; slot <= last; slot++) counts.push(BigInt(this.#counts[slot] as number));
    return {
      scale: SCALE,
      offset: last < first ? 0 : first + FIRST,
      counts,
      count: BigInt(this.#count),
      sum: this.sum,
      min: this.min,
      max: this.max,
      zeroCount: BigInt(this.#zeroCount),
    };
  }

  /** @throws RangeError when its scale is another one */
  static fromWire(wire: WireHistogram | undefined): LatencyHistogram {
    const histogram = new LatencyHistogram();
    if (wire !== undefined) histogram.addWire(wire);
    return histogram;
  }

  #addTotals(count: number, zeroCount: number, sum: number, min: number, max: number): void {
    const totals = this.#sumMinMax;
    (totals[0] as number) += sum;
    if (this.#count === 0 || min < (totals[1] as number)) totals[1] = min;
    if (max > (totals[2] as number)) totals[2] = max;
    this.#count += count;
    this.#zeroCount += zeroCount;
  }

  /** The slots that can hold anything. */
  #range(): [first: number, last: number] {
    const lowest = this.#zeroCount > 0 ? 0 : slotOf(Math.min(Math.max(this.min, MIN_US), MAX_US));
    return [lowest, slotOf(Math.min(Math.max(this.max, MIN_US), MAX_US))];
  }

  #middleOf(slot: number): number {
    const low = slot === 0 ? MIN_US : lowerOf(slot);
    const high = UPPER[slot] as number;
    return Math.min(Math.max((2 * low * high) / (low + high), this.min), this.max);
  }
}

function lowerOf(slot: number): number {
  return slot === 0 ? 2 ** (FIRST / PER_OCTAVE) : (UPPER[slot - 1] as number);
}
