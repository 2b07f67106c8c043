import { type SettingRow, settingRows, sourceName } from '../state/memories/settings.ts';
import type { MonitorState } from '../state/state.ts';
import { type Line, printable, type Span, wrapText } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatAge } from '../widgets/format.ts';
import { type TableColumn, tableLines } from '../widgets/table.ts';
import { accessPanel } from './memory-access.ts';
import { FRAME_ROWS } from './overview-layout.ts';

const DETAIL_ROWS = 4;

/** Settings in force: the workspace's and its users', where each is from and who set it. Secrets are masked. */
export function settingsScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const { memories, view } = state;
  const height = rows - FRAME_ROWS;
  if (memories.access.kind !== 'key') return accessPanel('Settings', memories.access, width, height, theme);
  const shown = settingRows(state);
  const cursor = Math.min(view.settings.row, Math.max(0, shown.length - 1));
  const inner = width - 4;
  const selected = shown[cursor];
  const room = height - 2 - DETAIL_ROWS;
  const table = tableLines({ columns: columnsOf(state), rows: shown, cursor, width: inner, height: room }, theme);
  const { filter } = view.settings;
  const title: Line = [
    { text: `Settings (${shown.length})`, tone: 'title', bold: true },
    ...(filter === '' ? [] : [{ text: '  filter ', tone: 'dim' as const }, printable(filter)]),
  ];
  const note: Line = [{ text: 'read-only, secrets masked', tone: 'dim' }];
  const body = shown.length > 0 ? table : hint(state, inner);
  const filled = [...body, ...Array.from({ length: Math.max(0, room - body.length) }, (): Line => [])];
  const lines = [...filled, ...(selected === undefined ? [] : detailLines(selected, inner))];
  return panel({ title, note, width, height, lines }, theme);
}

function columnsOf({ nowMs }: MonitorState): readonly TableColumn<SettingRow>[] {
  return [
    { title: 'NAME', width: 18, maxWidth: 34, left: true, cell: ({ name }) => printable(name) },
    { title: 'FOR', width: 12, left: true, cell: ownerCell },
    { title: 'FROM', width: 9, left: true, cell: ({ source }) => sourceCell(source) },
    { title: 'VALUE', width: 20, left: true, cell: ({ value }) => printable(value) || { text: 'none', tone: 'dim' } },
    { title: 'CHANGED', width: 8, left: true, weight: 1, cell: ({ updateMs }) => ageCell(updateMs, nowMs) },
    { title: 'BY', width: 14, left: true, weight: 0, cell: ({ author }) => printable(author) || '-' },
  ];
}

function ownerCell({ userId }: SettingRow): Span | string {
  return userId === '' ? { text: 'workspace', tone: 'dim' } : printable(userId);
}

function sourceCell(source: number): Span {
  const text = sourceName(source);
  return text === 'default' ? { text, tone: 'dim' } : { text };
}

function ageCell(updateMs: number | undefined, nowMs: number): Span {
  return { text: updateMs === undefined ? '-' : formatAge(nowMs - updateMs), tone: 'dim' };
}

/** The whole value of the setting under the cursor, as far as there is room, and what it means. */
function detailLines({ name, value, description }: SettingRow, width: number): readonly Line[] {
  const heading: Line = [
    { text: printable(name), tone: 'accent', bold: true },
    { text: `  ${printable(description)}`, tone: 'dim' },
  ];
  return [heading, ...wrapText(value, width).map((row): Line => [row])].slice(0, DETAIL_ROWS);
}

function hint({ memories, view }: MonitorState, width: number): readonly Line[] {
  const failure = memories.failures.find(({ want }) => want === 'settings');
  if (failure !== undefined) {
    const { problem } = failure;
    const said = `! ${problem.code}: ${problem.text} ${problem.advice ?? ''}`;
    return wrapText(said, width).map((text): Line => [{ text, tone: 'bad' }]);
  }
  const text =
    memories.settings === undefined
      ? 'loading'
      : view.settings.filter === ''
        ? 'Nothing is set.'
        : 'No setting passes the filter. Esc drops it.';
  return [[{ text, tone: 'dim' }]];
}
