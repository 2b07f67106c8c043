import { SCREENS, tabOf } from '../state/screens.ts';
import type { MonitorState } from '../state/state.ts';
import { asciiLine, fitLine, type Line, plainText, wrapText } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { footer } from '../widgets/footer.ts';
import { standingText } from '../widgets/header.ts';
import { visibleRows } from '../widgets/scroll.ts';
import { helpScreen } from './help.ts';
import type { PaintableRow } from './screen.ts';
import { spokenMemories, spokenSettings } from './spoken-memories.ts';
import {
  type Spoken,
  spokenClients,
  spokenEvents,
  spokenMethod,
  spokenMethods,
  spokenOverview,
  spokenStore,
} from './spoken-stats.ts';

/** The frame for a screen reader: one sentence a row, every number with its name, nothing drawn. */
export function spokenFrame(state: MonitorState, theme: Theme): readonly PaintableRow[] {
  const { columns, rows, helpOpen, helpTop } = state.view;
  const tab = SCREENS.find(({ name }) => name === tabOf(state.view.screen)) ?? SCREENS[0];
  const top = [
    `Memory Hub monitor, screen ${tab.number} of ${SCREENS.length}: ${tab.title}.`,
    standingText(state),
  ].flatMap((text) => wrapText(text, columns));
  const bottom = plainText(footer(state, columns)).trim();
  const room = rows - top.length - 1;
  const body = helpOpen
    ? helpLines(columns, room, helpTop, theme)
    : bodyLines(SPOKEN[state.view.screen](state), columns, room);
  const texts = [...top, ...body, ...Array.from({ length: Math.max(0, room - body.length) }, () => ''), bottom];
  return texts.slice(0, rows).map((text) => {
    const line: Line = theme.glyphs.ascii ? asciiLine([text]) : [text];
    return { line: fitLine(line, columns), stale: false };
  });
}

const SPOKEN: Record<MonitorState['view']['screen'], (state: MonitorState) => Spoken> = {
  overview: spokenOverview,
  methods: spokenMethods,
  method: spokenMethod,
  memories: spokenMemories,
  store: spokenStore,
  clients: spokenClients,
  events: spokenEvents,
  settings: spokenSettings,
};

/** The sentences before the list, and as much of the list as fits around the row under the cursor. */
function bodyLines({ before, list, selected }: Spoken, columns: number, room: number): readonly string[] {
  const head = before.flatMap((text) => wrapText(text, columns));
  const { first, count } = visibleRows(list.length, selected ?? 0, room - head.length);
  const rows = list
    .slice(first, first + count)
    .map((text, i) => `${first + i === selected ? 'Selected: ' : ''}${text}`);
  return [...head, ...rows.flatMap((text) => wrapText(text, columns))].slice(0, room);
}

function helpLines(columns: number, room: number, top: number, theme: Theme): readonly string[] {
  // Without its border.
  return helpScreen(columns + 4, room + 2, top, theme)
    .slice(1, -1)
    .map((line) => plainText(line).slice(2, -2).trimEnd());
}
