import { quantile, type Ratio, ratioOf, type Series } from './alternate.ts';

/** One line of the table. */
export interface Row {
  readonly title: string;
  /** What the ratio must reach. */
  readonly goal: number;
  /** What is counted: calls, rows, bytes. */
  readonly unit: string;
  readonly ours: Series;
  readonly floor: Series;
  /** Measured in the same run, without a goal. */
  readonly beside: readonly Series[];
  /** Ours over the floor, in units a second. */
  readonly ratio: Ratio;
  /** The floor over ours, in processor time for one unit; undefined where it is not known. */
  readonly cpuRatio: Ratio | undefined;
  readonly verdict: 'reached' | 'within noise' | 'missed';
}

/**
 * A goal is reached or missed when the middle half of the rounds lies on one side of it. Nothing that
 * does more is faster than its floor: a ratio above 1 says that other work on the machine was measured.
 */
export function judge(row: Omit<Row, 'ratio' | 'cpuRatio' | 'verdict'>): Row {
  const { ours, floor, goal } = row;
  const ratio = ratioOf(ours.rates, floor.rates);
  const hasCpu = ours.cpuUs.length > 0 && ours.cpuUs.length === floor.cpuUs.length;
  const isSure = ratio.median <= 1 && (ratio.low >= goal || ratio.high < goal);
  const verdict = !isSure ? 'within noise' : ratio.low >= goal ? 'reached' : 'missed';
  return { ...row, ratio, cpuRatio: hasCpu ? ratioOf(floor.cpuUs, ours.cpuUs) : undefined, verdict };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
