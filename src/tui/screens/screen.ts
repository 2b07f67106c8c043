import type { ScreenName } from '../state/screens.ts';
import { isStale, type MonitorState } from '../state/state.ts';
import { asciiLine, fitLine, type Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import type { Block } from '../widgets/block.ts';
import { footer } from '../widgets/footer.ts';
import { header } from '../widgets/header.ts';
import { clientsScreen } from './clients.ts';
import { eventsScreen } from './events.ts';
import { helpScreen } from './help.ts';
import { memoriesScreen } from './memories.ts';
import { methodScreen } from './method.ts';
import { methodsScreen } from './methods.ts';
import { overviewScreen } from './overview.ts';
import { FRAME_ROWS } from './overview-layout.ts';
import { settingsScreen } from './settings.ts';
import { spokenFrame } from './spoken.ts';
import { storeScreen } from './store.ts';

const MIN_COLUMNS = 60;
const MIN_ROWS = 15;

/** A row with the theme it is to be painted in: rows of old data are dim, the header never is. */
export interface PaintableRow {
  readonly line: Block[number];
  readonly stale: boolean;
}

/** The whole frame: exactly `rows` rows of exactly `columns` columns. */
export function frame(state: MonitorState, theme: Theme): readonly PaintableRow[] {
  const { columns, rows } = state.view;
  if (columns < MIN_COLUMNS || rows < MIN_ROWS) return tooSmall(state);
  if (state.view.screenReader) return spokenFrame(state, theme);
  const body = bodyOf(state, theme).slice(0, rows - FRAME_ROWS);
  const filled = [...body, ...Array.from({ length: rows - FRAME_ROWS - body.length }, () => [])];
  const stale = isStale(state) && !state.view.helpOpen;
  const drawable = (line: Line): Line => fitLine(theme.glyphs.ascii ? asciiLine(line) : line, columns);
  return [
    ...header(state, columns, theme).map((line) => ({ line: drawable(line), stale: false })),
    ...filled.map((line) => ({ line: drawable(line), stale })),
    { line: drawable(footer(state, columns)), stale: false },
  ];
}

function bodyOf(state: MonitorState, theme: Theme): Block {
  const { columns, rows, helpOpen, helpTop, screen } = state.view;
  if (helpOpen) return helpScreen(columns, rows - FRAME_ROWS, helpTop, theme);
  return BODIES[screen](state, columns, rows, theme);
}

type DrawScreen = (state: MonitorState, width: number, rows: number, theme: Theme) => Block;

/** What is drawn between header and footer. */
const BODIES: Record<ScreenName, DrawScreen> = {
  overview: overviewScreen,
  methods: methodsScreen,
  method: methodScreen,
  memories: memoriesScreen,
  store: storeScreen,
  clients: clientsScreen,
  events: eventsScreen,
  settings: settingsScreen,
};

/** Collecting goes on: a larger window shows what happened meanwhile. */
function tooSmall({ view, framesReceived }: MonitorState): readonly PaintableRow[] {
  const lines = [
    `Memory Hub monitor`,
    `needs ${MIN_COLUMNS}x${MIN_ROWS}, this is ${view.columns}x${view.rows}.`,
    `Still collecting: ${framesReceived} frames.`,
  ];
  return Array.from({ length: view.rows }, (_, row) => ({
    line: fitLine([lines[row] ?? ''], view.columns),
    stale: false,
  }));
}
