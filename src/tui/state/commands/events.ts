import type { Command } from '../../keys.ts';
import { eventRows } from '../event-rows.ts';
import type { MonitorState } from '../state.ts';
import { movedRow, withView } from './with-view.ts';

/** Keys of the events: the cursor. */
export function onEvents(state: MonitorState, command: Command): MonitorState | undefined {
  const { events } = state.view;
  const row = movedRow(command, events.row, eventRows(state).length);
  return row === undefined ? undefined : withView(state, { events: { ...events, row } });
}
