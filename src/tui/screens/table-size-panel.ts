import type { MonitorState } from '../state/state.ts';
import { type SizeRow, tableSizes } from '../state/store-rows.ts';
import { type Line, printable, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatBytes, formatClock, formatCount } from '../widgets/format.ts';
import { type TableColumn, tableLines } from '../widgets/table.ts';

/** So many rows read one after the other, again and again, want an index. */
const MANY_ROWS = 10_000;

/** Tables and their indexes: how large, and how often each is read. */
export function tableSizePanel(state: MonitorState, width: number, height: number, theme: Theme): Block {
  const { atMs, rows } = tableSizes(state);
  const shown = rows.length <= height - 3 ? rows : tablesFirst(rows, height - 3);
  const table = tableLines({ columns: COLUMNS, rows: shown, width: width - 4, height: height - 2 }, theme);
  const title: Line = [{ text: 'Tables and indexes', tone: 'title', bold: true }];
  const note: Line = atMs === undefined ? [] : [{ text: `at ${formatClock(atMs)}`, tone: 'dim' }];
  const hint: Line = [{ text: '  The server tells them every ten seconds.', tone: 'dim' }];
  return panel({ title, note, width, height, lines: atMs === undefined ? [hint] : table }, theme);
}

/** Every table, and of the indexes as many as fit. */
function tablesFirst(rows: readonly SizeRow[], room: number): readonly SizeRow[] {
  let indexes = room - rows.filter(({ isIndex }) => !isIndex).length;
  return rows.filter(({ isIndex }) => !isIndex || indexes-- > 0).slice(0, Math.max(0, room));
}

const COLUMNS: readonly TableColumn<SizeRow>[] = [
  {
    title: 'NAME',
    width: 16,
    maxWidth: 44,
    left: true,
    cell: ({ name, isIndex }) => (isIndex ? { text: `  ${printable(name)}`, tone: 'dim' } : printable(name)),
  },
  { title: 'ROWS', width: 6, cell: ({ rows }) => (rows === undefined ? '' : formatCount(rows)), weight: 3 },
  { title: 'SIZE', width: 6, cell: ({ bytes }) => formatBytes(bytes) },
  {
    title: 'IDX',
    width: 6,
    cell: ({ indexBytes }) => (indexBytes === undefined ? '' : formatBytes(indexBytes)),
    weight: 2,
  },
  { title: 'DEAD', width: 6, cell: ({ deadRows }) => (deadRows === undefined ? '' : formatCount(deadRows)), weight: 1 },
  { title: 'SCANS/MIN', width: 12, cell: scanCell },
];

/** Of a table, scans of all of it: a large one that is read so wants an index. */
function scanCell({ isIndex, scansPerMinute, rows }: SizeRow): Span | string {
  if (scansPerMinute === undefined) return { text: '-', tone: 'dim' };
  if (isIndex) return { text: formatCount(scansPerMinute), tone: 'dim' };
  const costly = scansPerMinute >= 1 && (rows ?? 0) >= MANY_ROWS;
  return costly ? { text: `! ${formatCount(scansPerMinute)} all`, tone: 'bad' } : `${formatCount(scansPerMinute)} all`;
}
