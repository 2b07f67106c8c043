import { type AlertChange, type AlertState, evaluate, eventText, readEventText } from '../../shared/alerts/evaluate.ts';
import type { Fleet } from '../../shared/alerts/metrics.ts';
import type { AlertRule, Severity } from '../../shared/alerts/rule.ts';
import { slotsWithin } from './history.ts';
import type { Slot, SlotEvent } from './slot.ts';
import { isDown, type Target, withEvents } from './target.ts';

/** EVENT_KIND_ALERT_RAISED and EVENT_KIND_ALERT_CLEARED. */
const RAISED = 8;
const CLEARED = 9;
const ALERTS_KEPT = 200;

/** An alert, from its beginning to its end. */
export interface Alert {
  /** Of which target; undefined: of all together. */
  readonly target: string | undefined;
  readonly key: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly text: string;
  /** Raised by the server, by a rule that only the server has. */
  readonly told?: true;
  readonly raisedMs: number;
  /** Undefined while it lasts. */
  readonly clearedMs: number | undefined;
}

/** Newest first. */
export type AlertLog = readonly Alert[];

/** What all targets together are watched for: how many of them answer. */
export interface FleetWatch {
  readonly alerts: AlertState;
  readonly events: readonly SlotEvent[];
}

interface Watching {
  readonly rules: readonly AlertRule[];
  readonly alertLog: AlertLog;
}

/** Rules are asked once a second, or with every frame where those are longer. */
const JUDGE_EVERY_MS = 1000;

/**
 * Asks the rules about a target's newest frame; what changed is told among its events. Ten frames a
 * second are not ten times the work: a rule adds up its whole window.
 */
export function watchTarget({ rules, alertLog }: Watching, target: Target): { target: Target; alertLog: AlertLog } {
  const newest = target.history.at(-1);
  if (newest === undefined) return { target, alertLog };
  if (isJudged(target, newest)) {
    return {
      target: { ...target, events: told(target.events, rules) },
      alertLog: withTold(alertLog, target, rules),
    };
  }
  const atMs = newest.endMs;
  const within = (windowMs: number) => slotsWithin(target.history, atMs, windowMs);
  const { state, changes } = evaluate(rules, target.alerts, { atMs, within });
  return {
    target: {
      ...target,
      alerts: state,
      judgedMs: atMs,
      events: withEvents(told(target.events, rules), changes.map(eventOf).reverse()),
    },
    alertLog: changes.reduce((log, change) => logged(log, target.name, change), withTold(alertLog, target, rules)),
  };
}

/** Frames of one second come with some jitter: one that ends nearer to the next judgement waits for it. */
function isJudged({ judgedMs }: Target, { endMs, coveredMs }: Slot): boolean {
  return judgedMs !== undefined && endMs - judgedMs + coveredMs / 2 < JUDGE_EVERY_MS;
}

/** SERVER_STARTED and WORKER_RESTARTED: who raised an alert may be gone, and raises it again where it lasts. */
const BEGUN_ANEW = new Set([1, 6]);

/** The alerts the server raised and cleared in its newest frame by rules that are not ours. */
function withTold(log: AlertLog, { name, history }: Target, rules: readonly AlertRule[]): AlertLog {
  let next = log;
  for (const { kind, atMs, text } of history.at(-1)?.events ?? []) {
    if (BEGUN_ANEW.has(kind)) {
      next = next.map((alert) => (lasts(alert, name) && alert.told ? { ...alert, clearedMs: atMs } : alert));
    }
    if (kind !== RAISED && kind !== CLEARED) continue;
    const change = readEventText(text);
    if (change === undefined || rules.some((rule) => rule.name === change.rule)) continue;
    const known = next.some((alert) => lasts(alert, name) && alert.key === change.key);
    if (known === (kind === RAISED)) continue;
    next = logged(next, name, { ...change, kind: kind === RAISED ? 'raised' : 'cleared', atMs }, true);
  }
  return next;
}

function lasts({ target, clearedMs }: Alert, name: string): boolean {
  return target === name && clearedMs === undefined;
}

/** Asks the rules that count servers. */
export function watchFleet(
  { rules, alertLog }: Watching,
  fleet: FleetWatch,
  targets: readonly Target[],
  nowMs: number,
): { fleet: FleetWatch; alertLog: AlertLog } {
  const counting = rules.filter(({ when }) => when.metricName === 'targets' || when.metricName === 'targets.down');
  const counts: Fleet = { targets: targets.length, down: targets.filter(isDown).length };
  const { state, changes } = evaluate(counting, fleet.alerts, { atMs: nowMs, within: () => [], fleet: counts });
  return {
    fleet: { alerts: state, events: withEvents(fleet.events, changes.map(eventOf).reverse()) },
    alertLog: changes.reduce((log, change) => logged(log, undefined, change), alertLog),
  };
}

/** The alerts that lasted at a moment, the gravest first, then the newest. */
export function alertsAt(log: AlertLog, atMs: number, target: string | undefined): readonly Alert[] {
  return log
    .filter(
      (alert) =>
        (target === undefined || alert.target === undefined || alert.target === target) &&
        alert.raisedMs <= atMs &&
        (alert.clearedMs === undefined || alert.clearedMs > atMs),
    )
    .sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical') || b.raisedMs - a.raisedMs);
}

/** A server that watches itself by a rule of ours tells of it too: once is enough. */
function told(events: readonly SlotEvent[], rules: readonly AlertRule[]): readonly SlotEvent[] {
  const doubled = ({ kind, text, own }: SlotEvent) =>
    (kind === RAISED || kind === CLEARED) &&
    own !== true &&
    rules.some(({ name }) => name === readEventText(text)?.rule);
  return events.some(doubled) ? events.filter((event) => !doubled(event)) : events;
}

function eventOf(change: AlertChange): SlotEvent {
  const kind = change.kind === 'raised' ? RAISED : CLEARED;
  return { atMs: change.atMs, kind, text: eventText(change), own: true };
}

function logged(log: AlertLog, target: string | undefined, change: AlertChange, told = false): AlertLog {
  const { kind, key, rule, severity, text, atMs } = change;
  if (kind === 'raised') {
    const alert = { target, key, rule, severity, text, raisedMs: atMs, clearedMs: undefined };
    return [told ? { ...alert, told } : alert, ...log].slice(0, ALERTS_KEPT);
  }
  return log.map((alert) =>
    alert.key === key && alert.target === target && alert.clearedMs === undefined
      ? { ...alert, clearedMs: atMs }
      : alert,
  );
}
