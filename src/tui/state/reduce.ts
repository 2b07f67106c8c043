import { applyCommand } from './commands/apply.ts';
import type { Event } from './event.ts';
import { withFilter } from './filter.ts';
import { append, appendReplayed, type History } from './history.ts';
import { withAnswer } from './memories/answer.ts';
import { slotOf } from './slot.ts';
import type { MonitorState } from './state.ts';
import type { View } from './view.ts';

const EVENTS_KEPT = 500;

/** The state after an event. Pure: the same events give the same frames, which is how recordings are tests. */
export function reduce(state: MonitorState, event: Event): MonitorState {
  switch (event.kind) {
    case 'frame':
      return withFrame(state, event);
    case 'totals':
      return { ...state, totals: slotOf(event.totals) };
    case 'connection':
      return { ...state, connection: event.connection };
    case 'tick':
      return { ...state, nowMs: event.nowMs };
    case 'command':
      return applyCommand(withoutNotice(state), event.command);
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

function withFrame(state: MonitorState, { frame, receivedMs }: Extract<Event, { kind: 'frame' }>): MonitorState {
  const slot = slotOf(frame);
  const before = state.history.findLast(({ replica }) => replica === slot.replica);
  const restarted = before !== undefined && before.bootId !== slot.bootId;
  const history = frame.replayed ? appendReplayed(state.history, slot) : append(state.history, slot);
  // A replayed frame that is known already brings its events once more.
  const events = history === state.history ? [] : slot.events.toReversed();
  return {
    ...state,
    history,
    view: keepWithin(state.view, history),
    nowMs: Math.max(receivedMs, state.nowMs),
    framesReceived: state.framesReceived + 1,
    restarts: state.restarts + (restarted && history !== state.history ? 1 : 0),
    events: [...events, ...state.events].slice(0, EVENTS_KEPT),
    ...(frame.replayed ? {} : { lastDataMs: receivedMs, lagMs: receivedMs - slot.endMs }),
  };
}

/** A view frozen for longer than the history reaches shows the oldest frame there is. */
function keepWithin(view: View, history: History): View {
  const oldestMs = history[0]?.endMs;
  if (view.pausedAtMs === undefined || oldestMs === undefined || view.pausedAtMs >= oldestMs) return view;
  return { ...view, pausedAtMs: oldestMs };
}
