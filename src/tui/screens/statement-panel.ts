import { total } from '../state/over-slots.ts';
import type { Slot } from '../state/slot.ts';
import { type MonitorState, shownSlots } from '../state/state.ts';
import { STATEMENT_SORTS, type StatementRow, statementRows } from '../state/store-rows.ts';
import { waitRows } from '../state/wait-rows.ts';
import { type Line, printable, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, packed, panel, type Segment } from '../widgets/block.ts';
import { formatCount, formatLatency, formatPeriod, formatShare } from '../widgets/format.ts';
import { meter } from '../widgets/graph.ts';
import { type TableColumn, tableLines } from '../widgets/table.ts';

const SHARE_WIDTH = 10;
/** Border and corners beside a title. */
const TITLE_MARGIN = 8;
/** Fewer sessions at a time hold nothing up. */
const MIN_WAITING = 0.1;
/** A second; a few writes of one memory at once are no trouble. */
const MUCH_PUT_OFF = 5;

/** Database statements by kind, the slowest first. */
export function statementPanel(state: MonitorState, width: number, height: number, theme: Theme): Block {
  const rows = statementRows(state);
  const cursor = Math.min(state.view.statements.row, Math.max(0, rows.length - 1));
  const options = { columns: columnsOf(state, theme), rows, cursor, width: width - 4, height: height - 2 };
  const table = tableLines(options, theme);
  const hint: Line = [{ text: '  No statement ran in this window.', tone: 'dim' }];
  const name: Line = [{ text: `Statements (${rows.length})`, tone: 'title', bold: true }];
  const title = packed([{ line: name, weight: 9 }, ...heldUp(shownSlots(state))], width - TITLE_MARGIN);
  const note: Line = [{ text: `over ${formatPeriod(state.view.windowMs)}`, tone: 'dim' }];
  return panel({ title, note, width, height, lines: rows.length > 0 ? table : [...table, hint] }, theme);
}

/** What holds statements up, the worst first: what sessions wait for, and writes that wait for one another. */
function heldUp(slots: readonly Slot[]): readonly Segment[] {
  const putOff = total(slots, ({ gauges }) => gauges.postgres?.putOff);
  const waits = waitRows(slots).filter(({ sessions }) => sessions >= MIN_WAITING);
  return [
    ...waits.map(({ what, event, sessions }, i) => ({
      line: [{ text: `! ${what} x${formatCount(sessions)} (${printable(event)})`, tone: 'bad' as const }],
      weight: 7 - i,
    })),
    ...(putOff < slots.length * MUCH_PUT_OFF || putOff === 0
      ? []
      : [{ line: [{ text: `! same memory: ${formatCount(putOff)} put off`, tone: 'bad' as const }], weight: 8 }]),
  ];
}

function columnsOf({ view }: MonitorState, theme: Theme): readonly TableColumn<StatementRow>[] {
  const { sort, reversed } = view.statements;
  const sorted = (name: (typeof STATEMENT_SORTS)[number]) =>
    STATEMENT_SORTS[sort] !== name ? undefined : (name === 'kind') === reversed ? 'falling' : 'rising';
  const latency = (value: (row: StatementRow) => number) => (row: StatementRow) =>
    row.latency.count === 0 ? '-' : formatLatency(value(row));
  return [
    { title: 'KIND', width: 14, maxWidth: 40, left: true, cell: ({ kind }) => printable(kind), sorted: sorted('kind') },
    { title: 'P50', width: 7, cell: latency((row) => row.latency.percentile(0.5)), sorted: sorted('p50'), weight: 3 },
    { title: 'P95', width: 7, cell: latency((row) => row.latency.percentile(0.95)), weight: 4 },
    { title: 'P99', width: 7, cell: latency((row) => row.latency.percentile(0.99)), sorted: sorted('p99') },
    { title: 'MAX', width: 7, cell: latency((row) => row.latency.max), sorted: sorted('max'), weight: 2 },
    { title: 'PER S', width: 7, cell: ({ rate }) => formatCount(rate), sorted: sorted('rate') },
    { title: 'ROWS/S', width: 7, cell: ({ rowRate }) => formatCount(rowRate), weight: 1 },
    { title: 'ERRORS', width: 8, cell: errorCell, sorted: sorted('errors') },
    {
      title: '  SHARE OF TIME',
      width: SHARE_WIDTH + 8,
      left: true,
      weight: 0,
      sorted: sorted('share'),
      cell: ({ share }): Line => [
        '  ',
        ...meter(share, SHARE_WIDTH, false, theme),
        ` ${formatShare(share).padStart(5)}`,
      ],
    },
  ];
}

function errorCell({ errors }: StatementRow): Span {
  return errors === 0 ? { text: '0', tone: 'dim' } : { text: `! ${formatCount(errors)}`, tone: 'bad' };
}
