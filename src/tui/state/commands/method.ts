import type { Command } from '../../keys.ts';
import { cursorStepMs, methodDetail } from '../method-detail.ts';
import type { MonitorState } from '../state.ts';
import { movedRow, withView } from './with-view.ts';

/** Keys of one method: the time cursor, and the slowest call to copy the trace of. */
export function onMethod(state: MonitorState, command: Command): MonitorState | undefined {
  const { cursorBackMs, windowMs, slowRow, selected } = state.view;
  const step = cursorStepMs(state.view);
  switch (command) {
    case 'left':
      return withView(state, { cursorBackMs: Math.min((cursorBackMs ?? -step) + step, windowMs - step) });
    case 'right': {
      const back = (cursorBackMs ?? 0) - step;
      return withView(state, { cursorBackMs: back < 0 ? undefined : back });
    }
  }
  if (movedRow(command, 0, 1) === undefined) return undefined;
  const row = movedRow(command, slowRow, methodDetail(state, selected ?? '').slowest.length) ?? 0;
  return withView(state, { slowRow: row });
}
