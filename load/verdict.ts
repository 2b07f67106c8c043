import { quantile, type Ratio, ratioOf, type Series, spreadOf } from './alternate.ts';

/** What one operation and its floor did beside each other, with processes started for it. */
export interface Measured {
  readonly title: string;
  /** What the ratio must reach. */
  readonly goal: number;
  /** What is counted: calls, rows, bytes. */
  readonly unit: string;
  readonly ours: Series;
  readonly floor: Series;
  /** Measured in the same run, without a goal. */
  readonly beside: readonly Series[];
}

/** One line of the table: the rounds of all starts, and what they come to. */
export interface Row extends Measured {
  /** Ours over the floor, in units a second. */
  readonly ratio: Ratio;
  /** The floor over ours, in processor time for one unit; undefined where it is not known. */
  readonly cpuRatio: Ratio | undefined;
  readonly verdict: 'reached' | 'within noise' | 'missed';
}

/**
 * Two processes of the same code differ by a tenth, so that a ratio is of the code only when it was measured with
 * several: each start counts once, with the median of its rounds. Of a single start the rounds are what there is.
 * A goal is reached or missed when the middle half lies on one side of it.
 *
 * @param starts of one operation, at least one
 */
export function judge(starts: readonly Measured[]): Row {
  const [first] = starts;
  if (first === undefined) throw new Error('nothing was measured');
  const ratio = over(starts.map(({ ours, floor }) => ratioOf(ours.rates, floor.rates)));
  const hasCpu = starts.every(({ ours, floor }) => ours.cpuUs.length > 0 && ours.cpuUs.length === floor.cpuUs.length);
  return {
    ...first,
    ours: joined(starts.map(({ ours }) => ours)),
    floor: joined(starts.map(({ floor }) => floor)),
    beside: first.beside.map((_, at) => joined(starts.map(({ beside }) => beside[at] as Series))),
    ratio,
    cpuRatio: hasCpu ? over(starts.map(({ ours, floor }) => ratioOf(floor.cpuUs, ours.cpuUs))) : undefined,
    verdict: ratio.low >= first.goal ? 'reached' : ratio.high < first.goal ? 'missed' : 'within noise',
  };
}

function over(ratios: readonly Ratio[]): Ratio {
  return ratios.length === 1 ? (ratios[0] as Ratio) : spreadOf(ratios.map(({ median }) => median));
}

function joined(series: readonly Series[]): Series {
  return {
    name: series[0]?.name ?? '',
    rates: series.flatMap(({ rates }) => rates),
    cpuUs: series.flatMap(({ cpuUs }) => cpuUs),
    p95: series.flatMap(({ p95 }) => p95),
  };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
