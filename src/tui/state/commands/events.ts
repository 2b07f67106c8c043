import type { Command } from '../../keys.ts';
import { eventRows } from '../event-rows.ts';
import type { MonitorState } from '../state.ts';
import { movedRow, withView } from './with-view.ts';

/** Keys of the events: the cursor, and whether the event under it is told in full. */
export function onEvents(state: MonitorState, command: Command): MonitorState | undefined {
  const { events, eventOpen } = state.view;
  if (command === 'open') return withView(state, { eventOpen: !eventOpen });
  if (command === 'back' && eventOpen) return withView(state, { eventOpen: false });
  const row = movedRow(command, events.row, eventRows(state).length);
  return row === undefined ? undefined : withView(state, { events: { ...events, row } });
}
