import type { Command } from '../../keys.ts';
import { CLIENT_SORTS, clientRows } from '../client-rows.ts';
import type { MonitorState } from '../state.ts';
import { movedRow, withView } from './with-view.ts';

/** Keys of the clients: the cursor and the order. */
export function onClients(state: MonitorState, command: Command): MonitorState | undefined {
  const { clients } = state.view;
  if (command === 'sort') {
    return withView(state, { clients: { ...clients, sort: (clients.sort + 1) % CLIENT_SORTS.length } });
  }
  if (command === 'reverse') return withView(state, { clients: { ...clients, reversed: !clients.reversed } });
  if (movedRow(command, 0, 1) === undefined) return undefined;
  const row = movedRow(command, clients.row, clientRows(state).length) ?? 0;
  return withView(state, { clients: { ...clients, row } });
}
