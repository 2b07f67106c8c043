import { BUILT_IN_RULES } from '../../shared/alerts/built-in.ts';
import { NO_ALERTS } from '../../shared/alerts/evaluate.ts';
import type { AlertRule } from '../../shared/alerts/rule.ts';
import type { AlertLog, FleetWatch } from './alerts.ts';
import type { Baseline } from './baseline.ts';
import type { Connection } from './connection.ts';
import { type History, slotsWithin } from './history.ts';
import { INITIAL_BROWSER, type MemoryBrowser } from './memories/browser.ts';
import { type Merged, NOTHING_MERGED } from './merged.ts';
import type { Slot, SlotEvent } from './slot.ts';
import { summarize, type WindowSummary } from './summary.ts';
import { newTarget, type Target } from './target.ts';
import { INITIAL_VIEW, type View } from './view.ts';

/**
 * Everything the monitor knows. Changed by `reduce` only. Target, connection, history and events are
 * those of the target that is looked at, or of all of them merged.
 */
export interface MonitorState {
  /** Every server that is watched, or the one recording. */
  readonly targets: readonly Target[];
  readonly merged: Merged;
  readonly fleet: FleetWatch;
  readonly rules: readonly AlertRule[];
  readonly alertLog: AlertLog;
  /** Where the frames come from: an address, or the name of a recording. */
  readonly target: string;
  /** Now, by the monitor's clock. Milliseconds since 1970. */
  readonly nowMs: number;
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
  /** What the server told, newest first. */
  readonly events: readonly SlotEvent[];
  /** Since the server's start, as it last told; undefined until it is asked. */
  readonly totals: Slot | undefined;
  readonly memories: MemoryBrowser;
  /** What others are compared with; undefined until it is marked. */
  readonly baseline: Baseline | undefined;
  readonly view: View;
}

/** A monitor that has heard nothing yet. */
export function initialState(
  target: string,
  nowMs: number,
  view: Partial<View> = {},
  rules: readonly AlertRule[] = BUILT_IN_RULES,
): MonitorState {
  return {
    targets: [newTarget(target)],
    merged: NOTHING_MERGED,
    fleet: { alerts: NO_ALERTS, events: [] },
    rules,
    alertLog: [],
    target,
    nowMs,
    connection: { phase: 'connecting' },
    history: [],
    framesReceived: 0,
    restarts: 0,
    lastDataMs: undefined,
    lagMs: undefined,
    events: [],
    totals: undefined,
    memories: INITIAL_BROWSER,
    baseline: undefined,
    view: { ...INITIAL_VIEW, ...view },
  };
}

/** The end of what is shown, by the server's clock: where it was paused, else the last frame. */
export function shownEndMs({ view, history, nowMs }: MonitorState): number {
  return view.pausedAtMs ?? history.at(-1)?.endMs ?? nowMs;
}

/** The last slot of what is shown. */
export function shownSlot(state: MonitorState): Slot | undefined {
  const endMs = shownEndMs(state);
  return state.history.findLast((slot) => slot.endMs <= endMs);
}

/** The slots of the window that is shown. */
export function shownSlots(state: MonitorState): readonly Slot[] {
  return slotsWithin(state.history, shownEndMs(state), state.view.windowMs);
}

/** Whether what is shown is old: neither live, nor chosen by pausing or replaying. */
export function isStale({ connection }: MonitorState): boolean {
  return connection.phase === 'retrying';
}

/** The window that is shown, added up. */
export function shownSummary(state: MonitorState): WindowSummary {
  return summarize(shownSlots(state));
}
