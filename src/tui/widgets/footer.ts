import { type Command, isOn, KEYS, type KeyBinding } from '../keys.ts';
import { filterOf } from '../state/filter.ts';
import type { MonitorState } from '../state/state.ts';
import { showsOnePanel } from '../state/view.ts';
import { type Line, lastColumns, printable, textWidth } from '../terminal/line.ts';
import { segmentedLine } from './block.ts';

const TYPING_LABEL = 'Filter: ';
/** Those without which one is stuck. */
const STAYING: ReadonlySet<Command> = new Set(['quit', 'help', 'retry']);

/** In the help no other key does anything. */
const HELP_KEYS = [
  ['j k', 'scroll'],
  ['q Esc', 'close the help'],
].map(([key = '', word], i) => ({
  line: [
    { text: key, tone: 'accent' as const },
    { text: ` ${word}`, tone: 'dim' as const },
  ],
  weight: i,
}));

/** The last row: the keys that do something here; or the filter while it is typed. */
export function footer(state: MonitorState, width: number): Line {
  const { view } = state;
  if (view.helpOpen) return segmentedLine(HELP_KEYS, [], width);
  if (view.filterBefore !== undefined) return typingLine(state, width);
  if (view.notice !== undefined) {
    return segmentedLine([{ line: [{ text: printable(view.notice), tone: 'accent' }], weight: 1 }], [], width);
  }
  const useful = KEYS.filter((binding) => isUseful(binding, state));
  return segmentedLine(useful.map(segmentOf), [], width);
}

/** The end of a long filter is what is being typed. */
function typingLine(state: MonitorState, width: number): Line {
  const hint =
    state.view.screen === 'memories'
      ? 'Enter applies, Esc drops; e.g. team = "alpha" AND tags:"release"'
      : 'Enter keeps, Esc drops, ! first: those without';
  const room = width - TYPING_LABEL.length - 3;
  const text = printable(filterOf(state));
  const tail = textWidth(text) <= room ? text : lastColumns(text, room);
  const left = [
    { line: [{ text: TYPING_LABEL, tone: 'accent' as const }, tail, { text: ' ', inverse: true }], weight: 2 },
  ];
  return segmentedLine(left, [{ line: [{ text: hint, tone: 'dim' as const }], weight: 1 }], width);
}

function segmentOf(binding: KeyBinding, position: number) {
  const key = binding.label.split(' ')[0] ?? '';
  const weight = STAYING.has(binding.command) ? 100 : 50 - position;
  return {
    line: [
      { text: key, tone: 'accent' as const },
      { text: ` ${binding.footer}`, tone: 'dim' as const },
    ],
    weight,
  };
}

function isUseful({ command, footer: word }: KeyBinding, state: MonitorState): boolean {
  const { view, connection, history, memories, targets } = state;
  if (word === undefined || !isOn(command, view.screen)) return false;
  switch (command) {
    case 'target':
      return targets.length > 1;
    case 'retry':
      return connection.phase === 'retrying';
    case 'back':
      return view.screen !== 'overview' || filterOf(state) !== '';
    case 'open':
      if (view.screen === 'events') return state.events.length > 0;
      return view.screen === 'memories' ? memories.access.kind === 'key' : history.length > 0;
    case 'order':
    case 'show-text':
    case 'copy':
      return view.screen !== 'memories' || memories.access.kind === 'key';
    case 'diff':
    case 'json':
      return memories.opened !== undefined;
    case 'difference':
      return state.baseline !== undefined;
    case 'baseline':
    case 'expand':
    case 'graph':
    case 'sort':
    case 'filter':
      return history.length > 0;
    case 'pause':
    case 'step-back':
    case 'window':
      return view.screen !== 'memories' && view.screen !== 'settings';
    case 'next-panel':
      if (view.screen === 'memories') return memories.opened !== undefined;
      return (view.screen === 'overview' || view.screen === 'store') && showsOnePanel(view);
    case 'live':
      return view.pausedAtMs !== undefined;
    default:
      return true;
  }
}
