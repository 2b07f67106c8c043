import type { Command } from '../../keys.ts';
import { settingRows } from '../memories/settings.ts';
import type { MonitorState } from '../state.ts';
import { movedRow, withView } from './with-view.ts';

/** Keys of the settings: the cursor, and loading them anew. */
export function onSettings(state: MonitorState, command: Command): MonitorState | undefined {
  const { settings } = state.view;
  if (command === 'retry') {
    return { ...state, memories: { ...state.memories, settingsMs: undefined, failures: [] } };
  }
  const row = movedRow(command, settings.row, settingRows(state).length);
  return row === undefined ? undefined : withView(state, { settings: { ...settings, row } });
}
