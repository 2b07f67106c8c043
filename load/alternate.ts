import { cpuSeconds } from './process.ts';

/** Something that does work and can be asked to do it for a while. */
export interface Contender {
  readonly name: string;
  /** Of the server that works, for its processor time; 0: not known. */
  readonly pid: number;
  /** Works for about so long; returns units of work done, and how long that took in seconds. */
  run(seconds: number): Promise<{ readonly units: number; readonly seconds: number; readonly p95?: number }>;
}

/** One contender over all rounds. */
export interface Series {
  readonly name: string;
  /** Units a second, of each round. */
  readonly rates: readonly number[];
  /** Microseconds of the server's processor for one unit, of each round; empty when not known. */
  readonly cpuUs: readonly number[];
  /** 95th percentile in milliseconds, of each round that has one. */
  readonly p95: readonly number[];
}

const WARM_UP_SECONDS = 12;

/**
 * Runs the contenders in turn, A B A B, so that whatever else the machine does meets all of them.
 * A first round that only warms up, of 12 s at least, is left out: a server that was just started took 138 us of the
 * processor for a cached read from Redis in its first second, 159, 84, 67, about 65 until the tenth, and 52 to 58 from
 * then on. A floor that has served other rows already is past that.
 */
export async function alternate(contenders: readonly Contender[], rounds: number, seconds: number): Promise<Series[]> {
  const series = contenders.map(({ name }) => ({
    name,
    rates: [] as number[],
    cpuUs: [] as number[],
    p95: [] as number[],
  }));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const cpuBefore = cpuSeconds(contender.pid);
      const {
        units,
        seconds: took,
        p95,
      } = await contender.run(round === 0 ? Math.max(seconds, WARM_UP_SECONDS) : seconds);
      const cpu = cpuSeconds(contender.pid) - cpuBefore;
      const into = series[index];
      if (round === 0 || into === undefined) continue;
      into.rates.push(units / took);
      if (cpu > 0) into.cpuUs.push((cpu * 1e6) / units);
      if (p95 !== undefined) into.p95.push(p95);
    }
  }
  return series;
}

/** A ratio with its spread: the middle half of what was seen. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Round by round, since rounds share the weather. */
export function ratioOf(ours: readonly number[], floor: readonly number[]): Ratio {
  return spreadOf(ours.map((value, round) => value / (floor[round] ?? Number.NaN)).filter(Number.isFinite));
}

export function spreadOf(ratios: readonly number[]): Ratio {
  return { median: quantile(ratios, 0.5), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

/** By linear interpolation; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  return below + ((sorted[Math.ceil(place)] ?? Number.NaN) - below) * (place - Math.floor(place));
}
