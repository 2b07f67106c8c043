import { watchFleet, watchTarget } from './alerts.ts';
import { applyCommand } from './commands/apply.ts';
import type { Event } from './event.ts';
import { withFilter } from './filter.ts';
import type { History } from './history.ts';
import { withAnswer } from './memories/answer.ts';
import { addToMerged, dropFromMerged } from './merged.ts';
import { withShown } from './shown.ts';
import { slotOf } from './slot.ts';
import type { MonitorState } from './state.ts';
import { newTarget, type Target, targetAfter } from './target.ts';
import type { View } from './view.ts';

/** The state after an event. Pure: the same events give the same frames, which is how recordings are tests. */
export function reduce(state: MonitorState, event: Event): MonitorState {
  switch (event.kind) {
    case 'frame':
      return withFrame(state, event);
    case 'totals':
      return withTarget(state, event.target, { totals: slotOf(event.totals) });
    case 'connection':
      return withTarget(state, event.target, { connection: event.connection });
    case 'targets':
      return withTargets(state, event.names);
    case 'tick':
      return follow({ ...state, nowMs: event.nowMs });
    case 'command':
      return withShownIfOther(state, applyCommand(withoutNotice(state), event.command));
    case 'filter-text':
      return withFilter(state, event.text);
    case 'memory-access':
      return { ...state, memories: { ...state.memories, access: event.access } };
    case 'memory-answer':
      return withAnswer(state, event.answer);
    case 'notice':
      return { ...state, view: { ...state.view, notice: event.text } };
    case 'resize':
      return { ...state, view: { ...state.view, columns: event.columns, rows: event.rows } };
  }
}

function withoutNotice(state: MonitorState): MonitorState {
  return state.view.notice === undefined ? state : { ...state, view: { ...state.view, notice: undefined } };
}

function withFrame(state: MonitorState, event: Extract<Event, { kind: 'frame' }>): MonitorState {
  const index = indexOf(state, event.target);
  const known = state.targets[index];
  if (known === undefined) return state;
  const { target: after, slot } = targetAfter(known, event);
  const { target, alertLog } =
    slot === undefined ? { target: after, alertLog: state.alertLog } : watchTarget(state, after);
  const several = state.targets.length > 1;
  return follow({
    ...state,
    targets: state.targets.with(index, target),
    merged: several && slot ? addToMerged(state.merged, target.name, slot, state.view.intervalMs) : state.merged,
    alertLog,
    nowMs: Math.max(event.receivedMs, state.nowMs),
  });
}

function withTarget(state: MonitorState, name: string | undefined, change: Partial<Target>): MonitorState {
  const index = indexOf(state, name);
  const target = state.targets[index];
  if (target === undefined) return state;
  return follow({ ...state, targets: state.targets.with(index, { ...target, ...change }) });
}

/** Those that are known stay as they are. */
function withTargets(state: MonitorState, names: readonly string[]): MonitorState {
  const targets = names.map((name) => state.targets.find((target) => target.name === name) ?? newTarget(name));
  const gone = state.targets.filter(({ name }) => !names.includes(name));
  const merged = gone.reduce((rest, { name }) => dropFromMerged(rest, name), state.merged);
  return follow({ ...state, targets, merged });
}

/** Where there is one target, it needs no name. */
function indexOf({ targets }: MonitorState, name: string | undefined): number {
  return name === undefined ? 0 : targets.findIndex((target) => target.name === name);
}

/** What follows from another state of the targets. */
function follow(state: MonitorState): MonitorState {
  const watched = { ...state, ...watchFleet(state, state.fleet, state.targets, state.nowMs) };
  const shown = withShown(watched);
  return { ...shown, view: keepWithin(shown.view, shown.history) };
}

/** A key may lead to another target. */
function withShownIfOther(before: MonitorState, after: MonitorState): MonitorState {
  return before.view.target === after.view.target ? after : withShown(after);
}

/** A view frozen for longer than the history reaches shows the oldest frame there is. */
function keepWithin(view: View, history: History): View {
  const oldestMs = history[0]?.endMs;
  if (view.pausedAtMs === undefined || oldestMs === undefined || view.pausedAtMs >= oldestMs) return view;
  return { ...view, pausedAtMs: oldestMs };
}
