import type { Connection } from './connection.ts';
import { joinSlots } from './join.ts';
import { mergedHistory } from './merged.ts';
import type { Slot } from './slot.ts';
import type { MonitorState } from './state.ts';
import { EVENTS_KEPT, type Target } from './target.ts';

/** What of the state depends on which target is looked at. */
type Shown = Pick<
  MonitorState,
  'target' | 'connection' | 'history' | 'framesReceived' | 'restarts' | 'lastDataMs' | 'lagMs' | 'events' | 'totals'
>;

/** The state with what is shown taken from the target that is looked at, or from all of them merged. */
export function withShown(state: MonitorState): MonitorState {
  const one = shownTarget(state);
  return { ...state, ...(one === undefined ? allTargets(state) : oneTarget(state, one)) };
}

/** The target that is looked at; undefined: all, merged. */
export function shownTarget({ targets, view }: Pick<MonitorState, 'targets' | 'view'>): Target | undefined {
  return targets.length === 1 ? targets[0] : targets.find(({ name }) => name === view.target);
}

function oneTarget({ fleet }: MonitorState, target: Target): Shown {
  const { name, connection, history, framesReceived, restarts, lastDataMs, lagMs, totals } = target;
  const events = fleet.events.length === 0 ? target.events : newestFirst([...target.events, ...fleet.events]);
  return { target: name, connection, history, framesReceived, restarts, lastDataMs, lagMs, events, totals };
}

function allTargets({ targets, merged, fleet, view }: MonitorState): Shown {
  const answering = targets.filter(({ connection }) => connection.phase === 'live').map(({ name }) => name);
  // A recording is looked at as its servers were: one of them tells of a second a little later than another.
  const telling = targets
    .filter(({ connection: { phase } }) => phase === 'live' || phase === 'replaying')
    .map(({ name }) => name);
  const sum = (value: (target: Target) => number) => targets.reduce((total, target) => total + value(target), 0);
  const largest = (values: readonly (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined);
    return known.length === 0 ? undefined : Math.max(...known);
  };
  return {
    target: `${targets.length} servers`,
    connection: connectionOf(targets.map(({ connection }) => connection)),
    history: mergedHistory(merged, telling, view.intervalMs),
    framesReceived: sum(({ framesReceived }) => framesReceived),
    restarts: sum(({ restarts }) => restarts),
    lastDataMs: largest(targets.map(({ lastDataMs }) => lastDataMs)),
    lagMs: largest(targets.filter(({ name }) => answering.includes(name)).map(({ lagMs }) => lagMs)),
    totals: targets
      .map(({ totals }) => totals)
      .filter((totals) => totals !== undefined)
      .reduce<Slot | undefined>((all, one) => (all === undefined ? one : joinSlots(all, one)), undefined),
    events: newestFirst([
      ...fleet.events,
      ...targets.flatMap(({ name, events }) => events.map((event) => ({ ...event, text: `${name}: ${event.text}` }))),
    ]),
  };
}

/** Alive while one of them is; what fails is told where it stands alone. */
function connectionOf(all: readonly Connection[]): Connection {
  const live = all.find(({ phase }) => phase === 'live');
  if (live !== undefined) return live;
  const replaying = all.filter((connection) => connection.phase === 'replaying');
  const over = replaying.find(({ ended }) => ended);
  if (over !== undefined && replaying.length === all.length) return over;
  if (replaying.length > 0) return { phase: 'replaying', ended: false };
  const retrying = all.filter((connection) => connection.phase === 'retrying');
  if (retrying.length < all.length) return { phase: 'connecting' };
  return retrying.reduce((soonest, other) => (other.retryAtMs < soonest.retryAtMs ? other : soonest));
}

function newestFirst(events: MonitorState['events']): MonitorState['events'] {
  return [...events].sort((a, b) => b.atMs - a.atMs).slice(0, EVENTS_KEPT);
}
