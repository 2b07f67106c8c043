import type { MonitorState } from '../state.ts';
import type { View } from '../view.ts';

/** The state looked at in another way. */
export function withView(state: MonitorState, change: Partial<View>): MonitorState {
  return { ...state, view: { ...state.view, ...change } };
}

/** The value after this one, around the end. */
export function after<T>(values: readonly T[], value: T): T {
  return values[(values.indexOf(value) + 1) % values.length] as T;
}

const PAGE = 10;

/** The row a movement leads to, among so many; undefined when the command is no movement. */
export function movedRow(command: string, row: number, count: number): number | undefined {
  const to = target(command, row, count);
  return to === undefined ? undefined : Math.max(0, Math.min(to, count - 1));
}

function target(command: string, row: number, count: number): number | undefined {
  switch (command) {
    case 'down':
      return row + 1;
    case 'up':
      return row - 1;
    case 'page-down':
      return row + PAGE;
    case 'page-up':
      return row - PAGE;
    case 'top':
      return 0;
    case 'bottom':
      return count - 1;
    default:
      return undefined;
  }
}
