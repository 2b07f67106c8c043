import { EventKind } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { passes } from './filter.ts';
import type { SlotEvent } from './slot.ts';
import type { MonitorState } from './state.ts';

/** Words for memoryhub.v1.EventKind. */
const KIND_NAMES: { readonly [Kind in EventKind]?: string } = {
  [EventKind.UNSPECIFIED]: 'event',
  [EventKind.SERVER_STARTED]: 'server started',
  [EventKind.REDIS_LOST]: 'redis lost',
  [EventKind.REDIS_BACK]: 'redis back',
  [EventKind.POSTGRES_LOST]: 'postgres lost',
  [EventKind.POSTGRES_BACK]: 'postgres back',
  [EventKind.WORKER_RESTARTED]: 'worker restarted',
  [EventKind.CONFIG_RELOADED]: 'config reloaded',
  [EventKind.ALERT_RAISED]: 'alert raised',
  [EventKind.ALERT_CLEARED]: 'alert cleared',
  [EventKind.REDIS_EMPTIED]: 'redis emptied',
  [EventKind.REVOKED_KEY_USED]: 'revoked key used',
};

const TROUBLE: ReadonlySet<number> = new Set([
  EventKind.REDIS_LOST,
  EventKind.POSTGRES_LOST,
  EventKind.WORKER_RESTARTED,
  EventKind.ALERT_RAISED,
  EventKind.REDIS_EMPTIED,
  EventKind.REVOKED_KEY_USED,
]);

/** What kind of thing an event is, in two words. */
export function eventKindName(kind: number): string {
  return KIND_NAMES[kind as EventKind] ?? `kind ${kind}`;
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
