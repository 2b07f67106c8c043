import type { Command } from '../../keys.ts';
import type { MonitorState } from '../state.ts';
import { STATEMENT_SORTS, statementRows } from '../store-rows.ts';
import { STORE_PANELS, showsOnePanel } from '../view.ts';
import { movedRow, withView } from './with-view.ts';

/** Keys of the store: its table of statements, and the panels where there is room for one. */
export function onStore(state: MonitorState, command: Command): MonitorState | undefined {
  const { statements, storePanel } = state.view;
  switch (command) {
    case 'sort':
      return withView(state, { statements: { ...statements, sort: (statements.sort + 1) % STATEMENT_SORTS.length } });
    case 'reverse':
      return withView(state, { statements: { ...statements, reversed: !statements.reversed } });
    case 'next-panel':
    case 'previous-panel': {
      if (!showsOnePanel(state.view)) return undefined;
      const places = command === 'next-panel' ? 1 : STORE_PANELS.length - 1;
      return withView(state, { storePanel: (storePanel + places) % STORE_PANELS.length });
    }
  }
  if (movedRow(command, 0, 1) === undefined) return undefined;
  const row = movedRow(command, statements.row, statementRows(state).length) ?? 0;
  return withView(state, { statements: { ...statements, row } });
}
