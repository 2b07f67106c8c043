import { type Command, isOn, KEYS } from '../../keys.ts';
import { filterOf, withFilter } from '../filter.ts';
import { type ScreenName, tabBeside } from '../screens.ts';
import { type MonitorState, shownEndMs } from '../state.ts';
import { INTERVALS, PANELS, showsOnePanel, WINDOWS } from '../view.ts';
import { onClients } from './clients.ts';
import { onCompare } from './compare.ts';
import { onEvents } from './events.ts';
import { asked, onMemories } from './memories.ts';
import { onMethod } from './method.ts';
import { onMethodTable } from './methods.ts';
import { onSettings } from './settings.ts';
import { onStore } from './store.ts';
import { after, withView } from './with-view.ts';

const LEAP = 10;
/** Where a narrow window breaks what keys do into rows. */
const MOST_HELP_ROWS = 2 * KEYS.length;

/** What a key means on a screen; undefined: what it means everywhere. */
type ScreenCommands = (state: MonitorState, command: Command) => MonitorState | undefined;

const ON_SCREEN: Record<ScreenName, ScreenCommands> = {
  overview: onMethodTable,
  methods: onMethodTable,
  method: onMethod,
  memories: onMemories,
  store: onStore,
  clients: onClients,
  events: onEvents,
  settings: onSettings,
};

/** What a key does to the state. `quit` and `retry` reach beyond it: the program acts on them. */
export function applyCommand(state: MonitorState, command: Command): MonitorState {
  const { view } = state;
  if (view.helpOpen) return inHelp(state, command);
  if (view.filterBefore !== undefined) return whileTyping(state, view.filterBefore, command);
  if (!isOn(command, view.screen)) return state;
  return ON_SCREEN[view.screen](state, command) ?? everywhere(state, command);
}

function everywhere(state: MonitorState, command: Command): MonitorState {
  const { view } = state;
  switch (command) {
    case 'help':
      return withView(state, { helpOpen: true, helpTop: 0 });
    case 'go-overview':
      return withView(state, { screen: 'overview' });
    case 'go-methods':
      return withView(state, { screen: 'methods' });
    case 'go-memories':
      return withView(state, { screen: 'memories' });
    case 'go-store':
      return withView(state, { screen: 'store' });
    case 'go-clients':
      return withView(state, { screen: 'clients' });
    case 'go-settings':
      return withView(state, { screen: 'settings' });
    case 'go-events':
      return withView(state, { screen: 'events' });
    case 'back':
      return goBack(state);
    case 'next-panel':
      return turn(state, 1);
    case 'previous-panel':
      return turn(state, -1);
    case 'filter':
      return beginTyping(state);
    case 'pause':
      return withView(state, { pausedAtMs: view.pausedAtMs === undefined ? shownEndMs(state) : undefined });
    case 'step-back':
      return travel(state, -1);
    case 'step-forward':
      return travel(state, 1);
    case 'leap-back':
      return travel(state, -LEAP);
    case 'leap-forward':
      return travel(state, LEAP);
    case 'live':
      return withView(state, { pausedAtMs: undefined });
    case 'window':
      return withView(state, { windowMs: after(WINDOWS, view.windowMs) });
    case 'target':
      return lookedAt(state, nextTarget(state));
    case 'interval-longer':
      return withView(state, { intervalMs: INTERVALS.find((ms) => ms > view.intervalMs) ?? view.intervalMs });
    case 'interval-shorter':
      return withView(state, { intervalMs: INTERVALS.findLast((ms) => ms < view.intervalMs) ?? view.intervalMs });
    default:
      return onCompare(state, command) ?? state;
  }
}

/** Another target is looked at: what is listed of memories is read anew, from there. */
function lookedAt(state: MonitorState, target: string | undefined): MonitorState {
  if (target === state.view.target) return state;
  const { memories } = state;
  const anew = { ...asked(memories, {}), opened: undefined, pane: 'list', storageMs: undefined, settingsMs: undefined };
  return { ...withView(state, { target }), memories: { ...memories, ...anew, pane: 'list' } };
}

/** All targets merged, then one by one. */
function nextTarget({ targets, view }: MonitorState): string | undefined {
  if (targets.length < 2) return undefined;
  return after([undefined, ...targets.map(({ name }) => name)], view.target);
}

/** In the help, keys move the help; the view below it stays as it was. */
function inHelp(state: MonitorState, command: Command): MonitorState {
  const { helpTop } = state.view;
  switch (command) {
    case 'quit':
    case 'back':
    case 'help':
      return withView(state, { helpOpen: false });
    case 'down':
      return withView(state, { helpTop: Math.min(helpTop + 1, MOST_HELP_ROWS) });
    case 'up':
      return withView(state, { helpTop: Math.max(helpTop - 1, 0) });
    default:
      return state;
  }
}

function beginTyping(state: MonitorState): MonitorState {
  const before = filterOf(state);
  return withFilter(withView(state, { filterBefore: before }), before);
}

/** Enter keeps what was typed, Esc brings back what was there. */
function whileTyping(state: MonitorState, before: string, command: Command): MonitorState {
  const ended = withView(state, { filterBefore: undefined });
  const { memories, view } = state;
  if (command === 'back') return withFilter(ended, before);
  if (command !== 'open') return state;
  if (view.screen !== 'memories') return ended;
  return { ...ended, memories: { ...memories, ...asked(memories, { filter: memories.draft.trim() }) } };
}

/** Esc ends what was begun last: the large graph, the detail, the filter; then it leads to the overview. */
function goBack(state: MonitorState): MonitorState {
  const { view } = state;
  if (view.expanded && isOn('expand', view.screen)) return withView(state, { expanded: false });
  if (view.screen === 'method') return withView(state, { screen: view.openedFrom });
  if (filterOf(state) !== '') return withFilter(state, '');
  return withView(state, { screen: 'overview' });
}

/** Tab: the next panel where the overview shows one at a time, else the next screen. */
function turn(state: MonitorState, places: number): MonitorState {
  const { view } = state;
  if (view.screen === 'overview' && showsOnePanel(view)) {
    return withView(state, { panel: (view.panel + places + PANELS.length) % PANELS.length });
  }
  return withView(state, { screen: tabBeside(view.screen, places) });
}

/** Steps through the history frame by frame; stepping past its newest frame is live again. */
function travel(state: MonitorState, frames: number): MonitorState {
  const { history } = state;
  const endMs = shownEndMs(state);
  const at = history.findLastIndex((slot) => slot.endMs <= endMs);
  const target = Math.max(at + frames, 0);
  if (history.length === 0) return state;
  return withView(state, { pausedAtMs: target >= history.length ? undefined : history[target]?.endMs });
}
