import { isBulk } from '../../shared/method-name.ts';
import { methodLevel } from '../../shared/service-levels.ts';
import { errorChange, percentileChange, rateChange } from '../state/change.ts';
import { gridOf, percentileSeries } from '../state/series.ts';
import type { Slot } from '../state/slot.ts';
import type { MethodSummary, WindowSummary } from '../state/summary.ts';
import type { SortColumn, View } from '../state/view.ts';
import { alignRight, fitText, type Line, printable, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { changeCell, pointsCell } from './change-cell.ts';
import { formatCount, formatLatency, formatShare } from './format.ts';
import { sparkline } from './graph.ts';
import { levelWord } from './service-levels.ts';

export interface MethodTableOptions {
  /** Filtered and sorted. */
  readonly rows: readonly MethodSummary[];
  readonly selected: number;
  readonly slots: readonly Slot[];
  readonly endMs: number;
  readonly view: View;
  /** What the values are told as changes of; absent: they are told as they are. */
  readonly baseline?: WindowSummary | undefined;
  readonly width: number;
  /** Rows, the heading included. */
  readonly height: number;
}

interface Column {
  readonly title: string;
  /** Absent: the table is not sorted by it. */
  readonly sort?: SortColumn;
  readonly width: number;
  readonly cell: (row: MethodSummary) => Span | string;
  /** What became of it since the baseline; absent: it is told as it is. */
  readonly changed?: (before: MethodSummary, now: MethodSummary) => Span | string;
}

const FAULTY = 0.01;
const CURSOR_WIDTH = 2;
const MIN_NAME_WIDTH = 18;
const MAX_NAME_WIDTH = 34;
const MIN_SPARK_WIDTH = 12;
const MAX_SPARK_WIDTH = 60;

const latencyColumn = (title: string, sort: SortColumn, quantile: number): Column => ({
  title,
  sort,
  width: 8,
  cell: ({ latency }) => (latency.count === 0 ? '-' : formatLatency(latency.percentile(quantile))),
  changed: (before, now) => changeCell(percentileChange(before.latency, now.latency, quantile)),
});

const COLUMNS: readonly Column[] = [
  {
    title: 'REQ/S',
    sort: 'rate',
    width: 8,
    cell: ({ rate }) => formatCount(rate),
    changed: (before, now) => changeCell(rateChange(before, now)),
  },
  {
    title: 'ERR%',
    sort: 'errors',
    width: 8,
    cell: errorCell,
    changed: (before, now) => pointsCell(errorChange(before, now)),
  },
  { title: 'INFL', sort: 'inFlight', width: 6, cell: ({ inFlight }) => formatCount(inFlight) },
  latencyColumn('P50', 'p50', 0.5),
  latencyColumn('P95', 'p95', 0.95),
  latencyColumn('P99', 'p99', 0.99),
  latencyColumn('MAX', 'max', 1),
  { title: 'SLO', width: 7, cell: levelCell },
];

/** Whether its p95 keeps the API's service level. */
function levelCell({ name, latency }: MethodSummary): Span | string {
  return levelWord(isBulk(name) || latency.count === 0 ? 'unknown' : methodLevel(latency.percentile(0.95)));
}

/** Faults of the server above 1 % are marked by a sign. */
function errorCell({ errorShare, errors, faults, completed }: MethodSummary): Span | string {
  if (errors === 0) return '0%';
  const faulty = faults / completed >= FAULTY;
  return { text: `${faulty ? '! ' : ''}${formatShare(errorShare)}`, tone: faulty ? 'bad' : 'warn' };
}

/** One row a method. What does not fit goes in this order: the sparkline, MAX, P50. */
export function methodTable(options: MethodTableOptions, theme: Theme): readonly Line[] {
  const { columns, nameWidth, sparkWidth } = layout(options.width);
  const body = Math.max(0, options.height - 1);
  const first = Math.min(Math.max(0, options.selected - body + 1), Math.max(0, options.rows.length - body));
  const heading: Line = [
    ' '.repeat(CURSOR_WIDTH),
    headingOf('METHOD', 'name', nameWidth, options.view, theme, 'left'),
    ...columns.map(({ title, sort, width }) => headingOf(title, sort, width, options.view, theme, 'right')),
    ...(sparkWidth === 0 ? [] : [{ text: '   P99 TREND', tone: 'dim' as const }]),
  ];
  const rows = options.rows.slice(first, first + body).map((row, i): Line => {
    const selected = first + i === options.selected;
    return [
      selected ? { text: fitText(theme.glyphs.cursor, CURSOR_WIDTH), tone: 'accent' } : ' '.repeat(CURSOR_WIDTH),
      { text: fitText(printable(row.name), nameWidth, theme.glyphs.ellipsis), bold: selected },
      ...columns.map((column) => rightCell(cellOf(column, row, options.baseline), column.width)),
      ...(sparkWidth === 0 ? [] : ['   ', trend(row, options, sparkWidth, theme)]),
    ];
  });
  return [heading, ...rows];
}

/** As a change where there is a baseline to compare with; a method that is not in it is new. */
function cellOf({ cell, changed }: Column, row: MethodSummary, baseline: WindowSummary | undefined): Span | string {
  if (baseline === undefined || changed === undefined) return cell(row);
  const before = baseline.methods.find(({ name }) => name === row.name);
  return before === undefined ? 'new' : changed(before, row);
}

function trend(row: MethodSummary, { slots, endMs, view }: MethodTableOptions, width: number, theme: Theme): Span {
  if (row.watch) return { text: `stream x${row.inFlight}`, tone: 'dim' };
  const series = percentileSeries(slots, gridOf(endMs, view.windowMs, width), 0.99, ({ name }) => name === row.name);
  return { text: sparkline(series, theme), tone: 'cool3' };
}

function headingOf(
  title: string,
  sort: SortColumn | undefined,
  width: number,
  view: View,
  theme: Theme,
  side: 'left' | 'right',
): Span {
  const sorted = view.sort === sort;
  const falls = (sort === 'name') === view.reversed;
  const text = sorted ? `${title}${falls ? theme.glyphs.down : theme.glyphs.up}` : title;
  const cell = side === 'left' ? fitText(text, width) : alignRight(text, width);
  return sorted ? { text: cell, tone: 'accent', bold: true } : { text: cell, tone: 'dim' };
}

function rightCell(value: Span | string, width: number): Span {
  const span = typeof value === 'string' ? { text: value } : value;
  const text = alignRight(span.text, width);
  return span.text === '-' || span.text === '0%' ? { text, tone: 'dim' } : { ...span, text };
}

function layout(width: number): { columns: readonly Column[]; nameWidth: number; sparkWidth: number } {
  let columns = COLUMNS;
  const taken = () => CURSOR_WIDTH + columns.reduce((sum, column) => sum + column.width, 0);
  for (const sort of ['max', 'p50'] as const) {
    if (taken() + MIN_NAME_WIDTH > width) columns = columns.filter((column) => column.sort !== sort);
  }
  const room = width - taken();
  // 100 columns of terminal leave 96 within the border.
  const spark = width >= 96 ? room - 3 - MIN_NAME_WIDTH : 0;
  if (spark < MIN_SPARK_WIDTH)
    return { columns, nameWidth: Math.max(8, Math.min(room, MAX_NAME_WIDTH)), sparkWidth: 0 };
  const sparkWidth = Math.min(MAX_SPARK_WIDTH, spark - Math.min(8, Math.max(0, spark - MIN_SPARK_WIDTH)));
  return { columns, nameWidth: Math.min(MAX_NAME_WIDTH, room - 3 - sparkWidth), sparkWidth };
}
