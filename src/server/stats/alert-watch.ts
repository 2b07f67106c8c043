import { type AlertChange, type AlertState, evaluate, NO_ALERTS } from '../../shared/alerts/evaluate.ts';
import type { AlertRule } from '../../shared/alerts/rule.ts';
import { type Stretch, stretchOf } from '../../shared/alerts/stretch.ts';
import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';

/**
 * Holds the server itself to the rules, whoever watches it: every second is asked about once, by the
 * same evaluation as in the monitor.
 */
export class AlertWatch {
  readonly #rules: readonly AlertRule[];
  readonly #changed: (change: AlertChange) => void;
  readonly #keptMs: number;
  #stretches: Stretch[] = [];
  #state: AlertState = NO_ALERTS;

  /** @param changed told once when an alert is raised, and once when it is over */
  constructor(rules: readonly AlertRule[], changed: (change: AlertChange) => void) {
    // How many servers there are, a server does not know.
    this.#rules = rules.filter(({ when }) => when.metricName !== 'targets' && when.metricName !== 'targets.down');
    this.#changed = changed;
    this.#keptMs = Math.max(0, ...this.#rules.map(({ windowMs }) => windowMs));
  }

  /** A second is over, and this is what happened in it. */
  second(frame: StatsFrame): void {
    const now = stretchOf(frame);
    const atMs = now.endMs;
    this.#stretches = this.#stretches.filter(({ endMs }) => endMs > atMs - this.#keptMs);
    this.#stretches.push(now);
    const within = (windowMs: number) =>
      this.#stretches.filter(({ endMs, coveredMs }) => endMs - coveredMs / 2 > atMs - windowMs);
    const { state, changes } = evaluate(this.#rules, this.#state, { atMs, within });
    this.#state = state;
    for (const change of changes) this.#changed(change);
  }
}
