import type { Command } from '../../keys.ts';
import { baselineOf } from '../baseline.ts';
import type { MonitorState } from '../state.ts';
import { GRAPHS, shownGraph } from '../view.ts';
import { after, withView } from './with-view.ts';

/** Keys of graphs and of the comparison with a baseline; undefined: it is another one. */
export function onCompare(state: MonitorState, command: Command): MonitorState | undefined {
  const { view } = state;
  switch (command) {
    case 'baseline':
      return state.baseline === undefined ? marked(state) : dropped(state);
    case 'difference':
      if (state.baseline === undefined) return withView(state, { notice: 'there is no baseline: b marks one' });
      return withView(state, { difference: !view.difference });
    case 'expand':
      return withView(state, { expanded: !view.expanded });
    case 'graph':
      return withView(state, { graph: after(GRAPHS, shownGraph(view)) });
    default:
      return undefined;
  }
}

function marked(state: MonitorState): MonitorState {
  const baseline = baselineOf(state);
  if (baseline === undefined) return withView(state, { notice: 'there is nothing in sight to mark' });
  return { ...withView(state, { notice: 'baseline marked: d compares with it' }), baseline };
}

function dropped(state: MonitorState): MonitorState {
  return { ...withView(state, { difference: false, notice: 'baseline dropped' }), baseline: undefined };
}
