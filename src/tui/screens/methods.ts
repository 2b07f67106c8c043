import { type MonitorState, methodRows, selectedIndex, shownEndMs, shownSummary } from '../state/state.ts';
import { showsOnePanel } from '../state/view.ts';
import { type Line, printable } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatPeriod } from '../widgets/format.ts';
import { HEAT_LABEL_WIDTH, heatMap } from '../widgets/heat.ts';
import { methodTablePanel } from './method-table-panel.ts';
import { FRAME_ROWS } from './overview-layout.ts';

const BORDER = 4;
const MIN_HEAT = 7;
const MAX_HEAT = 15;

/** All methods, and over time how long the calls of the one under the cursor took. */
export function methodsScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const room = rows - FRAME_ROWS;
  const window = shownSummary(state);
  const heat = Math.min(MAX_HEAT, room - window.methods.length - 3);
  if (showsOnePanel(state.view) || room < 2 * MIN_HEAT || window.methods.length === 0) {
    return methodTablePanel(state, window, width, room, theme);
  }
  const height = Math.max(MIN_HEAT, heat);
  const shown = methodRows(window.methods, state.view);
  const selected = shown[selectedIndex(shown, state.view)]?.name;
  return [
    ...methodTablePanel(state, window, width, room - height, theme),
    ...heatPanel(state, selected, width, height, theme),
  ];
}

function heatPanel(state: MonitorState, name: string | undefined, width: number, height: number, theme: Theme): Block {
  const columns = width - BORDER - HEAT_LABEL_WIDTH - 1;
  const { view } = state;
  const columnMs = Math.max(1000, view.intervalMs, Math.floor(view.windowMs / columns / 1000) * 1000);
  const grid = { endMs: shownEndMs(state), columnMs, columns };
  const title: Line = [{ text: `Latency of ${printable(name ?? 'no method')}`, tone: 'title', bold: true }];
  const note: Line = [{ text: `1 col = ${formatPeriod(columnMs)}`, tone: 'dim' }];
  const lines = heatMap(state.history, grid, height - 2, theme, (method) => method.name === name);
  return panel({ title, note, width, height, lines }, theme);
}
