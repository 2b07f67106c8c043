import { conditionText, metricText, satisfies } from './condition.ts';
import type { Fleet } from './metrics.ts';
import { quantityText } from './quantity.ts';
import { read } from './reading.ts';
import type { AlertRule, Severity } from './rule.ts';
import type { Stretch } from './stretch.ts';
import { WindowTotals } from './totals.ts';

/** One rule about one subject, from the first sign of trouble to its end. */
interface Watched {
  readonly rule: AlertRule;
  readonly subject: string | undefined;
  /** Since when its condition has been true (not raised yet), or over (raised). Undefined: raised and still true. */
  readonly sinceMs: number | undefined;
  readonly raised: boolean;
}

/** What is watched more closely, by rule and subject. Nothing in it: all is well. */
export type AlertState = ReadonlyMap<string, Watched>;

export const NO_ALERTS: AlertState = new Map();

/** An alert was raised or cleared. */
export interface AlertChange {
  readonly kind: 'raised' | 'cleared';
  /** The same for both, and for no other rule and subject. */
  readonly key: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly atMs: number;
  /** One sentence: "GetMemory p95 264ms, > 200ms for 15s". */
  readonly text: string;
}

/** What the rules are asked about. */
export interface Observation {
  readonly atMs: number;
  /** What happened in the time before `atMs`, oldest first. */
  readonly within: (windowMs: number) => readonly Stretch[];
  readonly fleet?: Fleet | undefined;
}

/**
 * Every rule, once more. Pure: the same frames raise the same alerts, live, replayed and in the server.
 * An alert about which nothing is known any more (its method has no calls) is over like one that is well.
 */
export function evaluate(
  rules: readonly AlertRule[],
  state: AlertState,
  { atMs, within, fleet }: Observation,
): { readonly state: AlertState; readonly changes: readonly AlertChange[] } {
  const next = new Map<string, Watched>();
  const changes: AlertChange[] = [];
  const windows = new Map<number, WindowTotals>();
  for (const rule of rules) {
    let window = windows.get(rule.windowMs);
    if (window === undefined) {
      window = new WindowTotals(within(rule.windowMs));
      windows.set(rule.windowMs, window);
    }
    const readings = new Map(
      read(rule.when, window, { minCalls: rule.minCalls, fleet }).map(({ subject, value }) => [subject, value]),
    );
    // A method whose calls have left the window is not read any more, and may still have an alert.
    for (const before of state.values()) if (before.rule.name === rule.name) setDefault(readings, before.subject);
    for (const [subject, value] of readings) {
      const key = subject === undefined ? rule.name : `${rule.name}/${subject}`;
      const step = stepOf(rule, subject, value, state.get(key), atMs);
      if (step.watched !== undefined) next.set(key, step.watched);
      if (step.change !== undefined)
        changes.push({ key, rule: rule.name, severity: rule.severity, atMs, ...step.change });
    }
  }
  return { state: next, changes };
}

interface Step {
  readonly watched: Watched | undefined;
  readonly change?: Pick<AlertChange, 'kind' | 'text'>;
}

function stepOf(
  rule: AlertRule,
  subject: string | undefined,
  value: number | undefined,
  before: Watched | undefined,
  atMs: number,
): Step {
  const { when, forMs, clearAt, clearForMs } = rule;
  if (before?.raised !== true) {
    if (value === undefined || !satisfies(value, when, when.threshold)) return { watched: undefined };
    const sinceMs = before?.sinceMs ?? atMs;
    if (atMs - sinceMs < forMs) return { watched: { rule, subject, sinceMs, raised: false } };
    const watched: Watched = { rule, subject, sinceMs: undefined, raised: true };
    return { watched, change: { kind: 'raised', text: raisedText(rule, subject, value) } };
  }
  if (value !== undefined && satisfies(value, when, clearAt)) return { watched: { ...before, sinceMs: undefined } };
  const sinceMs = before.sinceMs ?? atMs;
  if (atMs - sinceMs < clearForMs) return { watched: { ...before, sinceMs } };
  return { watched: undefined, change: { kind: 'cleared', text: clearedText(rule, subject, value) } };
}

function raisedText({ when, forMs, says }: AlertRule, subject: string | undefined, value: number): string {
  const limit = `${when.comparison} ${quantityText(when.threshold, when.unit)}`;
  const length = forMs === 0 ? '' : ` for ${forMs / 1000}s`;
  return `${says ?? `${metricText(when, subject)} ${quantityText(value, when.unit)} ${limit}`}${length}`;
}

function clearedText({ when, says }: AlertRule, subject: string | undefined, value: number | undefined): string {
  if (says !== undefined) return `${says}: over`;
  if (value === undefined) return `${conditionText(when, subject)} is over: nothing to judge by`;
  return `${metricText(when, subject)} ${quantityText(value, when.unit)}, no longer ${when.comparison} ${quantityText(when.threshold, when.unit)}`;
}

function setDefault(readings: Map<string | undefined, number | undefined>, subject: string | undefined): void {
  if (!readings.has(subject)) readings.set(subject, undefined);
}

/** How a change is told among events: "api-latency/GetMemory: GetMemory p95 264ms, > 200ms for 15s (WARN)". */
export function eventText({ kind, key, severity, text }: AlertChange): string {
  const grave = kind === 'raised' ? ` (${severity === 'critical' ? 'CRITICAL' : 'WARN'})` : '';
  return `${key}: ${text}${grave}`;
}

/** What such a text tells; undefined when it is none. */
export function readEventText(told: string): Pick<AlertChange, 'key' | 'rule' | 'severity' | 'text'> | undefined {
  const match = /^(([a-z0-9-]+)(?:\/[^\s:]+)?): (.*?)( \((CRITICAL|WARN)\))?$/s.exec(told);
  const [, key, rule, text, , grave] = match ?? [];
  if (key === undefined || rule === undefined || text === undefined) return undefined;
  return { key, rule, text, severity: grave === 'CRITICAL' ? 'critical' : 'warning' };
}
