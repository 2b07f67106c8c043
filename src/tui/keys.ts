import { SCREENS, type ScreenName, type TabName } from './state/screens.ts';

/** What a key does. */
export type Command =
  | `go-${TabName}`
  | 'help'
  | 'quit'
  | 'back'
  | 'down'
  | 'up'
  | 'top'
  | 'bottom'
  | 'page-down'
  | 'page-up'
  | 'open'
  | 'next-panel'
  | 'previous-panel'
  | 'left'
  | 'right'
  | 'order'
  | 'show-text'
  | 'json'
  | 'diff'
  | 'copy'
  | 'export'
  | 'copy-trace'
  | 'filter'
  | 'sort'
  | 'reverse'
  | 'pause'
  | 'step-back'
  | 'step-forward'
  | 'leap-back'
  | 'leap-forward'
  | 'live'
  | 'window'
  | 'interval-longer'
  | 'interval-shorter'
  | 'baseline'
  | 'difference'
  | 'expand'
  | 'graph'
  | 'target'
  | 'retry';

export interface KeyBinding {
  readonly command: Command;
  /** Names as `keyName` makes them. */
  readonly keys: readonly string[];
  /** How footer and help write them. */
  readonly label: string;
  /** One line of help. */
  readonly help: string;
  /** A word for the footer; those without are in the help only. */
  readonly footer?: string;
  readonly group: 'View' | 'Table' | 'Memories' | 'Time' | 'Program';
  /** Screens on which it does something; absent: on every one. */
  readonly on?: readonly ScreenName[];
}

const METHOD_TABLES = ['overview', 'methods'] as const;
const SORTED = [...METHOD_TABLES, 'store', 'clients'] as const;
const FILTERED = [...METHOD_TABLES, 'memories', 'clients', 'events', 'settings'] as const;
const MEMORIES = ['memories'] as const;
const GRAPHED = [...METHOD_TABLES, 'method'] as const;

/**
 * Every key, once: dispatch, footer, help and the README's table are made from it, in this order.
 */
export const KEYS: readonly KeyBinding[] = [
  ...SCREENS.map(
    ({ name, number, title }): KeyBinding => ({
      command: `go-${name}`,
      keys: [String(number)],
      label: String(number),
      help: `the screen ${title}`,
      group: 'View',
    }),
  ),
  { command: 'down', keys: ['j', 'down'], label: 'j Down', help: 'next row', group: 'Table' },
  { command: 'up', keys: ['k', 'up'], label: 'k Up', help: 'previous row', group: 'Table' },
  { command: 'top', keys: ['g', 'home'], label: 'g Home', help: 'first row', group: 'Table' },
  {
    command: 'bottom',
    keys: ['G'],
    label: 'G',
    help: 'last row; of memories, the last that is known: o shows the other end first',
    group: 'Table',
  },
  { command: 'page-down', keys: ['pagedown', 'ctrl-d'], label: 'PgDn ^d', help: 'a page down', group: 'Table' },
  { command: 'page-up', keys: ['pageup', 'ctrl-u'], label: 'PgUp ^u', help: 'a page up', group: 'Table' },
  {
    command: 'open',
    keys: ['enter'],
    label: 'Enter',
    help: 'open: a method in detail, a memory with its history, an event in full; in a history, mark the revision to compare with',
    footer: 'open',
    group: 'Table',
    on: [...METHOD_TABLES, 'memories', 'events'],
  },
  {
    command: 'back',
    keys: ['escape'],
    label: 'Esc',
    help: 'back; ends help, typing and filter',
    footer: 'back',
    group: 'View',
  },
  {
    command: 'sort',
    keys: ['s'],
    label: 's',
    help: 'sort by the next column; by its change, while changes are shown',
    footer: 'sort',
    group: 'Table',
    on: SORTED,
  },
  { command: 'reverse', keys: ['r'], label: 'r', help: 'reverse the order', group: 'Table', on: SORTED },
  {
    command: 'filter',
    keys: ['/'],
    label: '/',
    help: 'the rows with this in them, a leading ! those without; of memories, a filter as in ListMemories',
    footer: 'filter',
    group: 'Table',
    on: FILTERED,
  },
  {
    command: 'order',
    keys: ['o'],
    label: 'o',
    help: 'order of the memories: by last change or making, newest or oldest first',
    footer: 'order',
    group: 'Memories',
    on: MEMORIES,
  },
  {
    command: 'show-text',
    keys: ['x'],
    label: 'x',
    help: 'show texts and metadata values of memories, or hide them again',
    footer: 'text',
    group: 'Memories',
    on: MEMORIES,
  },
  {
    command: 'diff',
    keys: ['D'],
    label: 'D',
    help: 'what changed between two revisions: the one under the cursor, and the marked one or the one before',
    footer: 'difference',
    group: 'Memories',
    on: MEMORIES,
  },
  {
    command: 'json',
    keys: ['J'],
    label: 'J',
    help: 'the opened memory as JSON',
    footer: 'JSON',
    group: 'Memories',
    on: MEMORIES,
  },
  {
    command: 'copy',
    keys: ['y'],
    label: 'y',
    help: "copy, through the terminal (OSC 52): a slow call's trace id, a memory's id, a key's id",
    footer: 'copy id',
    group: 'View',
    on: ['method', 'memories', 'clients'],
  },
  {
    command: 'copy-trace',
    keys: ['Y'],
    label: 'Y',
    help: 'copy the trace id of the last page of memories',
    group: 'Memories',
    on: MEMORIES,
  },
  {
    command: 'export',
    keys: ['ctrl-e'],
    label: '^e',
    help: 'write the shown frame to files here: text, SVG picture and JSON',
    group: 'Program',
  },
  {
    command: 'pause',
    keys: ['space'],
    label: 'Space',
    help: 'freeze this view, or go on live; the server and other monitors notice nothing',
    footer: 'pause',
    group: 'Time',
  },
  { command: 'step-back', keys: ['['], label: '[', help: 'one frame back', footer: 'history', group: 'Time' },
  { command: 'step-forward', keys: [']'], label: ']', help: 'one frame forward', group: 'Time' },
  { command: 'leap-back', keys: ['{'], label: '{', help: 'ten frames back', group: 'Time' },
  { command: 'leap-forward', keys: ['}'], label: '}', help: 'ten frames forward', group: 'Time' },
  { command: 'live', keys: ['end'], label: 'End', help: 'back to live', footer: 'live', group: 'Time' },
  {
    command: 'window',
    keys: ['w'],
    label: 'w',
    help: 'how much time the numbers cover: 10 s, 60 s, 5 min, 15 min',
    footer: 'window',
    group: 'Time',
  },
  {
    command: 'baseline',
    keys: ['b'],
    label: 'b',
    help: 'mark the stretch in sight as the baseline to compare with, or drop it',
    footer: 'baseline',
    group: 'Time',
    on: GRAPHED,
  },
  {
    command: 'difference',
    keys: ['d'],
    label: 'd',
    help: 'how it differs from the baseline; ! where it is worse by more than chance',
    footer: 'difference',
    group: 'Time',
    on: GRAPHED,
  },
  {
    command: 'expand',
    keys: ['e'],
    label: 'e',
    help: 'the graph over the whole screen, or back',
    footer: 'expand',
    group: 'View',
    on: GRAPHED,
  },
  {
    command: 'graph',
    keys: ['m'],
    label: 'm',
    help: 'change the graph: calls a second, errors, latency, p99',
    footer: 'graph',
    group: 'View',
    on: GRAPHED,
  },
  {
    command: 'left',
    keys: ['h', 'left'],
    label: 'h Left',
    help: 'time cursor to the left',
    group: 'Time',
    on: ['method'],
  },
  {
    command: 'right',
    keys: ['l', 'right'],
    label: 'l Right',
    help: 'time cursor to the right',
    group: 'Time',
    on: ['method'],
  },
  { command: 'interval-longer', keys: ['+', '='], label: '+', help: 'frames less often', group: 'Time' },
  { command: 'interval-shorter', keys: ['-'], label: '-', help: 'frames more often', group: 'Time' },
  {
    command: 'next-panel',
    keys: ['tab'],
    label: 'Tab',
    help: 'next screen; next panel where there is room for one at a time',
    footer: 'next',
    group: 'View',
  },
  { command: 'previous-panel', keys: ['shift-tab'], label: 'S-Tab', help: 'previous screen or panel', group: 'View' },
  {
    command: 'target',
    keys: ['t'],
    label: 't',
    help: 'next of several servers, memories from there too; or all of them merged',
    footer: 'target',
    group: 'View',
  },
  {
    command: 'retry',
    keys: ['R'],
    label: 'R',
    help: 'connect now, without waiting; load the memories anew',
    footer: 'retry',
    group: 'Program',
  },
  { command: 'help', keys: ['?', 'f1'], label: '?', help: 'this help', footer: 'help', group: 'Program' },
  {
    command: 'quit',
    keys: ['q', 'ctrl-c'],
    label: 'q ^c',
    help: 'quit; in the help, close it',
    footer: 'quit',
    group: 'Program',
  },
];

const BY_KEY = new Map(KEYS.flatMap(({ keys, command }) => keys.map((key) => [key, command] as const)));

/** The command of a key, or undefined when it has none. */
export function commandOf(key: string): Command | undefined {
  return BY_KEY.get(key);
}

const ON = new Map(KEYS.map(({ command, on }) => [command, on]));

/** Whether a command does something on this screen. */
export function isOn(command: Command, screen: ScreenName): boolean {
  return ON.get(command)?.includes(screen) ?? true;
}
