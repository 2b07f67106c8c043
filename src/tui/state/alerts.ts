import { type AlertChange, type AlertState, evaluate } from '../../shared/alerts/evaluate.ts';
import type { Fleet } from '../../shared/alerts/metrics.ts';
import type { AlertRule, Severity } from '../../shared/alerts/rule.ts';
import { slotsWithin } from './history.ts';
import type { SlotEvent } from './slot.ts';
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

/** Asks the rules about a target's newest frame; what changed is told among its events. */
export function watchTarget({ rules, alertLog }: Watching, target: Target): { target: Target; alertLog: AlertLog } {
  const atMs = target.history.at(-1)?.endMs;
  if (atMs === undefined) return { target, alertLog };
  const within = (windowMs: number) => slotsWithin(target.history, atMs, windowMs);
  const { state, changes } = evaluate(rules, target.alerts, { atMs, within });
  return {
    target: {
      ...target,
      alerts: state,
      events: withEvents(told(target.events, rules), changes.map(eventOf).reverse()),
    },
    alertLog: changes.reduce((log, change) => logged(log, target.name, change), alertLog),
  };
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
    (kind === RAISED || kind === CLEARED) && own !== true && rules.some(({ name }) => text.startsWith(`${name}: `));
  return events.some(doubled) ? events.filter((event) => !doubled(event)) : events;
}

function eventOf({ kind, rule, severity, atMs, text }: AlertChange): SlotEvent {
  const grave = kind === 'raised' ? ` (${severity === 'critical' ? 'CRITICAL' : 'WARN'})` : '';
  return { atMs, kind: kind === 'raised' ? RAISED : CLEARED, text: `${rule}: ${text}${grave}`, own: true };
}

function logged(log: AlertLog, target: string | undefined, change: AlertChange): AlertLog {
  const { kind, key, rule, severity, text, atMs } = change;
  if (kind === 'raised') {
    return [{ target, key, rule, severity, text, raisedMs: atMs, clearedMs: undefined }, ...log].slice(0, ALERTS_KEPT);
  }
  return log.map((alert) =>
    alert.key === key && alert.target === target && alert.clearedMs === undefined
      ? { ...alert, clearedMs: atMs }
      : alert,
  );
}
