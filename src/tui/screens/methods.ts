import { methodRows, selectedIndex } from '../state/method-rows.ts';
import { type MonitorState, shownSummary } from '../state/state.ts';
import { showsOnePanel } from '../state/view.ts';
import type { Theme } from '../terminal/theme.ts';
import type { Block } from '../widgets/block.ts';
import { graphPanel } from './graph-panel.ts';
import { methodTablePanel } from './method-table-panel.ts';
import { FRAME_ROWS } from './overview-layout.ts';

const MIN_GRAPH = 7;
const MAX_GRAPH = 15;

/** All methods, and a graph of the one under the cursor: how long its calls took, unless another was chosen. */
export function methodsScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const room = rows - FRAME_ROWS;
  const window = shownSummary(state);
  const shown = methodRows(window.methods, state);
  const selected = shown[selectedIndex(shown, state.view)]?.name;
  if (state.view.expanded) return graphPanel(state, selected, width, room, theme);
  const graph = Math.min(MAX_GRAPH, room - window.methods.length - 3);
  if (showsOnePanel(state.view) || room < 2 * MIN_GRAPH || window.methods.length === 0) {
    return methodTablePanel(state, window, width, room, theme);
  }
  const height = Math.max(MIN_GRAPH, graph);
  return [
    ...methodTablePanel(state, window, width, room - height, theme),
    ...graphPanel(state, selected, width, height, theme),
  ];
}
