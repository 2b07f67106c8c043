import { type MonitorState, shownSlots } from '../state/state.ts';
import type { Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { shownAlerts } from '../widgets/alert-line.ts';
import { type Block, beside, panel } from '../widgets/block.ts';
import { formatPeriod } from '../widgets/format.ts';
import { levelLines } from '../widgets/service-levels.ts';
import { alertsPanel } from './overview-events.ts';

const MAX_HEIGHT = 12;
const LEVELS_WIDTH = 56;

/** How things stand: the alerts that last, and the service levels. */
export function standing(state: MonitorState, width: number, theme: Theme): Block {
  const right = Math.min(LEVELS_WIDTH, Math.floor(width / 2));
  const lines = levelLines(shownSlots(state), right - 4);
  const height = Math.min(MAX_HEIGHT, Math.max(lines.length, shownAlerts(state).length) + 2);
  const title: Line = [{ text: 'Service levels', tone: 'title', bold: true }];
  const note: Line = [{ text: `over ${formatPeriod(state.view.windowMs)}`, tone: 'dim' }];
  return beside(
    alertsPanel(state, width - right, height, theme),
    panel({ title, note, width: right, height, lines }, theme),
  );
}
