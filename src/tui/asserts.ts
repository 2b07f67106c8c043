import { type Condition, conditionText, satisfies } from '../shared/alerts/condition.ts';
import type { Fleet } from '../shared/alerts/metrics.ts';
import { quantityText } from '../shared/alerts/quantity.ts';
import { read } from '../shared/alerts/reading.ts';
import { WindowTotals } from '../shared/alerts/totals.ts';
import { HISTORY_MS, type History, slotsWithin } from './state/history.ts';

export interface AssertOptions {
  readonly conditions: readonly Condition[];
  /** How long they must hold; undefined: to the end of the input. Milliseconds. */
  readonly forMs: number | undefined;
  /** What metrics of a window cover; undefined: all that is watched. Milliseconds. */
  readonly windowMs: number | undefined;
}

/** How a condition came out. */
export interface Verdict {
  readonly condition: string;
  /** `unknown`: there was never anything to judge by, which is no success either. */
  readonly result: 'held' | 'broken' | 'unknown';
  /** The value nearest to breaking it, or that broke it most. */
  readonly worst: string | undefined;
  /** Of which method, where the condition is about each. */
  readonly subject: string | undefined;
  /** When it was broken first. */
  readonly brokenAtMs: number | undefined;
  /** How often it was judged, and how often it was broken then. */
  readonly judged: number;
  readonly broken: number;
}

interface Tally {
  worst: number | undefined;
  subject: string | undefined;
  brokenAtMs: number | undefined;
  judged: number;
  broken: number;
}

/**
 * Holds a stretch of time to conditions. What is so at a moment (a pool, memory) is judged with every
 * frame; what is made of calls (percentiles, rates, shares) only over whole windows: the first
 * frame's p99 is that of a handful of calls.
 */
export class Asserts {
  readonly #options: AssertOptions;
  readonly #tallies = new Map<Condition, Tally>();
  #startMs: number | undefined;
  #fleet: Fleet | undefined;
  #coveredMs = 0;
  #endMs = 0;
  /** End of the last whole window that was judged. */
  #judgedMs = 0;

  constructor(options: AssertOptions) {
    this.#options = options;
    for (const condition of options.conditions) {
      this.#tallies.set(condition, {
        worst: undefined,
        subject: undefined,
        brokenAtMs: undefined,
        judged: 0,
        broken: 0,
      });
    }
  }

  /**
   * Another frame is there, the last of the history.
   *
   * @returns whether the stretch is over
   */
  observe(history: History, fleet?: Fleet): boolean {
    this.#fleet = fleet;
    const last = history.at(-1);
    if (last === undefined || last.endMs <= this.#endMs) return false;
    this.#startMs ??= last.endMs - last.coveredMs;
    this.#coveredMs = last.endMs - this.#startMs;
    this.#endMs = last.endMs;
    const { forMs, windowMs, conditions } = this.#options;
    // Frames end when they do: half a frame less than the whole is the whole.
    const over = forMs !== undefined && this.#coveredMs >= forMs - last.coveredMs / 2;
    this.#judge(
      history,
      conditions.filter(({ windowed }) => !windowed),
      last.coveredMs,
    );
    const sliding = windowMs !== undefined && this.#coveredMs >= windowMs - last.coveredMs / 2;
    if (sliding || over) this.#judgeWindow(history);
    return over;
  }

  /** @param history as it is at the end of the input */
  verdicts(history: History): readonly Verdict[] {
    const { conditions, forMs } = this.#options;
    // Without an end of its own the stretch ends with the input.
    if (forMs === undefined) this.#judgeWindow(history);
    return conditions.map((condition): Verdict => {
      const { worst, subject, brokenAtMs, judged, broken } = this.#tallies.get(condition) as Tally;
      return {
        condition: conditionText(condition),
        result: judged === 0 ? 'unknown' : broken > 0 ? 'broken' : 'held',
        worst: worst === undefined ? undefined : quantityText(worst, condition.unit),
        subject: condition.subject === '*' ? subject : undefined,
        brokenAtMs,
        judged,
        broken,
      };
    });
  }

  #judgeWindow(history: History): void {
    if (this.#judgedMs === this.#endMs) return;
    this.#judgedMs = this.#endMs;
    const windowed = this.#options.conditions.filter((condition) => condition.windowed);
    const windowMs = Math.min(this.#options.windowMs ?? this.#coveredMs, this.#coveredMs, HISTORY_MS);
    this.#judge(history, windowed, windowMs);
  }

  #judge(history: History, conditions: readonly Condition[], windowMs: number): void {
    if (conditions.length === 0) return;
    const totals = new WindowTotals(slotsWithin(history, this.#endMs, windowMs));
    for (const condition of conditions) {
      const tally = this.#tallies.get(condition) as Tally;
      const known = read(condition, totals, { minCalls: 1, fleet: this.#fleet }).filter(
        ({ value }) => value !== undefined,
      );
      if (known.length === 0) continue;
      tally.judged++;
      let isBroken = false;
      for (const { subject, value } of known) {
        const holds = satisfies(value as number, condition, condition.threshold);
        isBroken ||= !holds;
        if (!isWorse(condition, value as number, tally.worst)) continue;
        tally.worst = value;
        tally.subject = subject;
      }
      if (!isBroken) continue;
      tally.broken++;
      tally.brokenAtMs ??= this.#endMs;
    }
  }
}

function isWorse({ comparison, threshold }: Condition, value: number, worst: number | undefined): boolean {
  if (worst === undefined) return true;
  if (comparison.startsWith('<')) return value > worst;
  if (comparison.startsWith('>')) return value < worst;
  const distance = (one: number) => Math.abs(one - threshold);
  return comparison === '==' ? distance(value) > distance(worst) : distance(value) < distance(worst);
}
