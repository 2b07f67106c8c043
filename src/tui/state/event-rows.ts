import { passes } from './filter.ts';
import type { SlotEvent } from './slot.ts';
import type { MonitorState } from './state.ts';

/** Words for memoryhub.v1.EventKind, by number. */
const KIND_NAMES: readonly string[] = [
  'event',
  'server started',
  'redis lost',
  'redis back',
  'postgres lost',
  'postgres back',
  'worker restarted',
  'config reloaded',
  'alert raised',
  'alert cleared',
];

/** REDIS_LOST, POSTGRES_LOST, WORKER_RESTARTED, ALERT_RAISED. */
const TROUBLE = new Set([2, 4, 6, 8]);

/** What kind of thing an event is, in two words. */
export function eventKindName(kind: number): string {
  return KIND_NAMES[kind] ?? `kind ${kind}`;
}

/** Whether something got worse. */
export function isTrouble({ kind }: SlotEvent): boolean {
  return TROUBLE.has(kind);
}

/** The events up to the end of what is shown that pass the filter, newest first. */
export function eventRows({ events, view }: MonitorState): readonly SlotEvent[] {
  const untilMs = view.pausedAtMs ?? Number.POSITIVE_INFINITY;
  return events.filter(
    ({ atMs, kind, text }) => atMs <= untilMs && passes(view.events.filter, eventKindName(kind), text),
  );
}
