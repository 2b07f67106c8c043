import { type AlertState, NO_ALERTS } from '../../shared/alerts/evaluate.ts';
import type { Connection } from './connection.ts';
import type { SourceEvent } from './event.ts';
import { append, appendReplayed, type History } from './history.ts';
import { type Slot, type SlotEvent, slotOf } from './slot.ts';

/** Of each server. */
export const EVENTS_KEPT = 500;

/** One server that is watched, or a recording of one. */
export interface Target {
  /** Its address, or the name of the recording. */
  readonly name: string;
  readonly connection: Connection;
  readonly history: History;
  /** Frames received, those of the past included. */
  readonly framesReceived: number;
  /** How often another boot id came: each is a start of the server that was seen from here. */
  readonly restarts: number;
  /** When the last live frame came, by the monitor's clock. */
  readonly lastDataMs: number | undefined;
  /** Time from the end of the last frame to its arrival; holds the difference of the two clocks. */
  readonly lagMs: number | undefined;
  /** What the server told and what was found out about it, newest first. */
  readonly events: readonly SlotEvent[];
  readonly alerts: AlertState;
  /** End of the frame the rules were last asked about, by the server's clock. */
  readonly judgedMs: number | undefined;
  /** What it counted since it started, as it told last; while somebody looks. */
  readonly totals: Slot | undefined;
}

/** A target nothing has been heard of yet. */
export function newTarget(name: string): Target {
  return {
    name,
    connection: { phase: 'connecting' },
    history: [],
    framesReceived: 0,
    restarts: 0,
    lastDataMs: undefined,
    lagMs: undefined,
    events: [],
    alerts: NO_ALERTS,
    judgedMs: undefined,
    totals: undefined,
  };
}

/** The target after a frame; `slot` is what was added to its history, undefined when that was known already. */
export function targetAfter(
  target: Target,
  { frame, receivedMs }: Extract<SourceEvent, { kind: 'frame' }>,
): { readonly target: Target; readonly slot: Slot | undefined } {
  const slot = slotOf(frame);
  const history = frame.replayed ? appendReplayed(target.history, slot) : append(target.history, slot);
  const added = history !== target.history;
  const before = target.history.findLast(({ replica }) => replica === slot.replica);
  const restarted = added && before !== undefined && before.bootId !== slot.bootId;
  // A replayed frame that is known already brings its events once more.
  const events = added ? slot.events.toReversed() : [];
  return {
    slot: added ? history.at(-1) : undefined,
    target: {
      ...target,
      history,
      framesReceived: target.framesReceived + 1,
      restarts: target.restarts + (restarted ? 1 : 0),
      events: withEvents(target.events, events),
      ...(frame.replayed ? {} : { lastDataMs: receivedMs, lagMs: receivedMs - slot.endMs }),
    },
  };
}

/** @param newer newest first */
export function withEvents(events: readonly SlotEvent[], newer: readonly SlotEvent[]): readonly SlotEvent[] {
  return newer.length === 0 ? events : [...newer, ...events].slice(0, EVENTS_KEPT);
}

/** Whether it was there and is not now. */
export function isDown({ connection }: Target): boolean {
  return connection.phase === 'retrying';
}
