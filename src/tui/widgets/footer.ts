import { KEYS, type KeyBinding } from '../keys.ts';
import { filterOf } from '../state/filter.ts';
import type { MonitorState } from '../state/state.ts';
import { showsOnePanel } from '../state/view.ts';
import { type Line, printable } from '../terminal/line.ts';
import { segmentedLine } from './block.ts';

/** The last row: the keys that do something here; or the filter while it is typed. */
export function footer(state: MonitorState, width: number): Line {
  const { view } = state;
  if (view.filterBefore !== undefined) {
    const left = [
      {
        line: [{ text: 'Filter: ', tone: 'accent' as const }, printable(filterOf(view)), { text: ' ', inverse: true }],
        weight: 2,
      },
    ];
    const right = [
      { line: [{ text: 'Enter keeps, Esc drops, ! first: those without', tone: 'dim' as const }], weight: 1 },
    ];
    return segmentedLine(left, right, width);
  }
  const useful = KEYS.filter((binding) => isUseful(binding, state));
  return segmentedLine(useful.map(segmentOf), [], width);
}

function segmentOf(binding: KeyBinding, position: number) {
  const key = binding.label.split(' ')[0] ?? '';
  const weight = binding.command === 'quit' || binding.command === 'help' ? 100 : 50 - position;
  return {
    line: [
      { text: key, tone: 'accent' as const },
      { text: ` ${binding.footer}`, tone: 'dim' as const },
    ],
    weight,
  };
}

function isUseful({ command, footer: word, on }: KeyBinding, { view, connection, history }: MonitorState): boolean {
  if (word === undefined || (on !== undefined && !on.includes(view.screen))) return false;
  switch (command) {
    case 'retry':
      return connection.phase === 'retrying';
    case 'back':
      return view.screen !== 'overview' || view.filter !== '';
    case 'open':
    case 'sort':
    case 'filter':
      return history.length > 0;
    case 'next-panel':
      return view.screen === 'overview' && showsOnePanel(view);
    case 'live':
      return view.pausedAtMs !== undefined;
    default:
      return true;
  }
}
