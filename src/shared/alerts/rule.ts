import { type Condition, parseCondition } from './condition.ts';

export type Severity = 'warning' | 'critical';

/** When to raise an alert, and when to clear it. */
export interface AlertRule {
  readonly name: string;
  /** The trouble in words, in place of metric and value: "Redis does not answer". */
  readonly says: string | undefined;
  /** True while there is trouble. */
  readonly when: Condition;
  /** How much time metrics of a window cover. Milliseconds. */
  readonly windowMs: number;
  /** Raised after it was true for so long. Milliseconds. */
  readonly forMs: number;
  /** Hysteresis: the value that must be reached for it to be over. */
  readonly clearAt: number;
  /** Cleared after it was over for so long. Milliseconds. */
  readonly clearForMs: number;
  /** Metrics made of calls do not count with fewer of them in the window. */
  readonly minCalls: number;
  readonly severity: Severity;
}

/** A rule as it is written down; what it leaves out is as documented. */
export interface RuleText {
  readonly name: string;
  readonly says?: string | undefined;
  readonly when: string;
  readonly windowMs?: number | undefined;
  readonly forMs?: number | undefined;
  readonly clearAt?: number | undefined;
  readonly clearForMs?: number | undefined;
  readonly minCalls?: number | undefined;
  readonly severity?: Severity | undefined;
}

export const RULE_DEFAULTS = { windowMs: 60_000, forMs: 15_000, minCalls: 20, severity: 'warning' } as const;
/** How far beyond the threshold a value must be for the alert to be over, unless the rule says. */
const MARGIN = 0.1;

/** @throws ConditionError */
export function ruleOf(text: RuleText): AlertRule {
  const when = parseCondition(text.when);
  const forMs = text.forMs ?? RULE_DEFAULTS.forMs;
  return {
    name: text.name,
    says: text.says,
    when,
    windowMs: text.windowMs ?? RULE_DEFAULTS.windowMs,
    forMs,
    clearAt: text.clearAt ?? clearOf(when),
    clearForMs: text.clearForMs ?? forMs,
    minCalls: text.minCalls ?? RULE_DEFAULTS.minCalls,
    severity: text.severity ?? RULE_DEFAULTS.severity,
  };
}

/** Whole numbers and flags have no room between good and bad. */
function clearOf({ unit, comparison, threshold }: Condition): number {
  if (unit === 'count' || unit === 'flag') return threshold;
  if (comparison.startsWith('>')) return threshold * (1 - MARGIN);
  if (!comparison.startsWith('<')) return threshold;
  const room = unit === 'share' ? Math.min(threshold, 1 - threshold) : threshold;
  return threshold + Math.max(0, room) * MARGIN;
}
