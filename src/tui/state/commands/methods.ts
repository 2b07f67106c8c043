import type { Command } from '../../keys.ts';
import { methodRows, selectedIndex } from '../method-rows.ts';
import { type MonitorState, shownSummary } from '../state.ts';
import { SORT_COLUMNS } from '../view.ts';
import { after, movedRow, withView } from './with-view.ts';

/** Keys of the table of methods, on the overview and on its own screen. */
export function onMethodTable(state: MonitorState, command: Command): MonitorState | undefined {
  const { view } = state;
  switch (command) {
    case 'open':
      return open(state);
    case 'sort':
      return withView(state, { sort: after(SORT_COLUMNS, view.sort) });
    case 'reverse':
      return withView(state, { reversed: !view.reversed });
    default:
      return moveCursor(state, command);
  }
}

function open(state: MonitorState): MonitorState {
  const rows = methodRows(shownSummary(state).methods, state);
  const row = rows[selectedIndex(rows, state.view)];
  if (row === undefined || state.view.screen === 'method') return state;
  const openedFrom = state.view.screen;
  return withView(state, { screen: 'method', selected: row.name, openedFrom, cursorBackMs: undefined, slowRow: 0 });
}

/** A frame is added up only when a key really moves. */
function moveCursor(state: MonitorState, command: Command): MonitorState | undefined {
  if (movedRow(command, 0, 1) === undefined) return undefined;
  const rows = methodRows(shownSummary(state).methods, state);
  const row = movedRow(command, selectedIndex(rows, state.view), rows.length) ?? 0;
  return withView(state, { selected: rows[row]?.name });
}
