import { type Command, KEYS } from '../keys.ts';
import { type MonitorState, methodRows, selectedIndex, shownEndMs, shownSummary } from './state.ts';
import { INTERVALS, PANELS, SORT_COLUMNS, type View, WINDOWS } from './view.ts';

const LEAP = 10;
const PAGE = 10;

/** What a key does to the state. `quit` and `retry` reach beyond it: the program acts on them. */
export function applyCommand(state: MonitorState, command: Command): MonitorState {
  if (state.view.helpOpen) return inHelp(state, command);
  switch (command) {
    case 'help':
      return withView(state, { helpOpen: true, helpTop: 0 });
    case 'back':
      return goBack(state);
    case 'down':
      return moveCursor(state, (row) => row + 1);
    case 'up':
      return moveCursor(state, (row) => row - 1);
    case 'page-down':
      return moveCursor(state, (row) => row + PAGE);
    case 'page-up':
      return moveCursor(state, (row) => row - PAGE);
    case 'top':
      return moveCursor(state, () => 0);
    case 'bottom':
      return moveCursor(state, () => Number.MAX_SAFE_INTEGER);
    case 'open':
      return open(state);
    case 'next-panel':
      return withView(state, { panel: (state.view.panel + 1) % PANELS.length });
    case 'filter':
      return withView(state, { filterBefore: state.view.filter, screen: 'overview' });
    case 'sort':
      return withView(state, { sort: after(SORT_COLUMNS, state.view.sort) });
    case 'reverse':
      return withView(state, { reversed: !state.view.reversed });
    case 'pause':
      return withView(state, { pausedAtMs: state.view.pausedAtMs === undefined ? shownEndMs(state) : undefined });
    case 'step-back':
      return travel(state, -1);
    case 'step-forward':
      return travel(state, 1);
    case 'leap-back':
      return travel(state, -LEAP);
    case 'leap-forward':
      return travel(state, LEAP);
    case 'live':
      return withView(state, { pausedAtMs: undefined });
    case 'window':
      return withView(state, { windowMs: after(WINDOWS, state.view.windowMs) });
    case 'interval-longer':
      return withView(state, {
        intervalMs: INTERVALS.find((ms) => ms > state.view.intervalMs) ?? state.view.intervalMs,
      });
    case 'interval-shorter':
      return withView(state, {
        intervalMs: INTERVALS.findLast((ms) => ms < state.view.intervalMs) ?? state.view.intervalMs,
      });
    case 'quit':
    case 'retry':
      return state;
  }
}

/** In the help, keys move the help; the view below it stays as it was. */
function inHelp(state: MonitorState, command: Command): MonitorState {
  const { helpTop } = state.view;
  switch (command) {
    case 'quit':
    case 'back':
    case 'help':
      return withView(state, { helpOpen: false });
    case 'down':
      return withView(state, { helpTop: Math.min(helpTop + 1, KEYS.length) });
    case 'up':
      return withView(state, { helpTop: Math.max(helpTop - 1, 0) });
    default:
      return state;
  }
}

function withView(state: MonitorState, change: Partial<View>): MonitorState {
  return { ...state, view: { ...state.view, ...change } };
}

/** Esc ends what was begun last: the typing of a filter, the detail, the filter. */
function goBack(state: MonitorState): MonitorState {
  const { filterBefore, screen } = state.view;
  if (filterBefore !== undefined) return withView(state, { filter: filterBefore, filterBefore: undefined });
  if (screen !== 'overview') return withView(state, { screen: 'overview' });
  return withView(state, { filter: '' });
}

function open(state: MonitorState): MonitorState {
  if (state.view.filterBefore !== undefined) return withView(state, { filterBefore: undefined });
  const rows = methodRows(shownSummary(state).methods, state.view);
  const row = rows[selectedIndex(rows, state.view)];
  return row === undefined ? state : withView(state, { screen: 'method', selected: row.name });
}

function moveCursor(state: MonitorState, to: (row: number) => number): MonitorState {
  const rows = methodRows(shownSummary(state).methods, state.view);
  const row = Math.min(Math.max(to(selectedIndex(rows, state.view)), 0), rows.length - 1);
  return withView(state, { selected: rows[row]?.name });
}

/** Steps through the history frame by frame; stepping past its newest frame is live again. */
function travel(state: MonitorState, frames: number): MonitorState {
  const { history } = state;
  const endMs = shownEndMs(state);
  const at = history.findLastIndex((slot) => slot.endMs <= endMs);
  const target = Math.max(at + frames, 0);
  if (history.length === 0) return state;
  return withView(state, { pausedAtMs: target >= history.length ? undefined : history[target]?.endMs });
}

function after<T>(values: readonly T[], value: T): T {
  return values[(values.indexOf(value) + 1) % values.length] as T;
}
