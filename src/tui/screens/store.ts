import { type MonitorState, shownSlots } from '../state/state.ts';
import { statementRows } from '../state/store-rows.ts';
import { STORE_PANELS, type StorePanelName, showsOnePanel } from '../state/view.ts';
import type { Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, beside, panel } from '../widgets/block.ts';
import { cacheLayers } from '../widgets/cache-gauges.ts';
import { type GaugePanel, postgresGauges, redisOnly } from '../widgets/gauges.ts';
import { FRAME_ROWS } from './overview-layout.ts';
import { statementPanel } from './statement-panel.ts';
import { storagePanel } from './storage-panel.ts';
import { tableSizePanel } from './table-size-panel.ts';

type DrawPanel = (state: MonitorState, width: number, height: number, theme: Theme) => Block;

const GAUGE_ROWS = 6;
/** A heading, three tables, and a few of their indexes. */
const MIN_TABLES = 7;

/** What stands behind the calls: the database and its statements, Redis, the cache, and what is kept. */
export function storeScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const room = rows - FRAME_ROWS;
  if (showsOnePanel(state.view)) {
    return DRAW[STORE_PANELS[state.view.storePanel % STORE_PANELS.length] ?? 'statements'](state, width, room, theme);
  }
  const third = Math.floor(width / 3);
  const left = Math.ceil(width * 0.58);
  // Border and heading are three rows; a short table leaves its rows to the tables.
  const half = Math.ceil((room - GAUGE_ROWS) * 0.5);
  const statements = Math.min(room - GAUGE_ROWS - MIN_TABLES, half, Math.max(6, statementRows(state).length + 3));
  const bottom = room - GAUGE_ROWS - statements;
  return [
    ...beside(
      DRAW.postgres(state, width - 2 * third, GAUGE_ROWS, theme),
      DRAW.redis(state, third, GAUGE_ROWS, theme),
      DRAW.cache(state, third, GAUGE_ROWS, theme),
    ),
    ...statementPanel(state, width, statements, theme),
    ...beside(tableSizePanel(state, left, bottom, theme), storagePanel(state, width - left, bottom, theme)),
  ];
}

const gauges =
  (draw: (slots: ReturnType<typeof shownSlots>, width: number, theme: Theme) => GaugePanel): DrawPanel =>
  (state, width, height, theme) => {
    const { title, note, lines } = draw(shownSlots(state), width - 4, theme);
    const heading: Line = [{ text: title, tone: 'title', bold: true }];
    return panel({ title: heading, note, width, height, lines }, theme);
  };

const DRAW: Record<StorePanelName, DrawPanel> = {
  statements: statementPanel,
  postgres: gauges(postgresGauges),
  redis: gauges(redisOnly),
  cache: gauges(cacheLayers),
  tables: tableSizePanel,
  storage: storagePanel,
};
