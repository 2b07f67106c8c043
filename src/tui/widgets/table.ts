import { alignRight, fitText, type Line, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { visibleRows } from './scroll.ts';

/** One column of a table. The first of a table takes what the others leave. */
export interface TableColumn<Row> {
  readonly title: string;
  /** Columns of the terminal; of the first column the least. */
  readonly width: number;
  /** Of the first column: the most. */
  readonly maxWidth?: number;
  /** Texts stand at the left, numbers at the right. */
  readonly left?: boolean;
  readonly cell: (row: Row) => Span | string | Line;
  /** Where there is no room, those of a low weight go first; absent: stays. */
  readonly weight?: number;
  /** Marks the heading of the column that sorts: whether its values fall from the top. */
  readonly sorted?: 'falling' | 'rising' | undefined;
}

export interface TableOptions<Row> {
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  /** The row with the cursor; undefined: there is none. */
  readonly cursor?: number | undefined;
  readonly width: number;
  /** The heading included. */
  readonly height: number;
}

const CURSOR_WIDTH = 2;

/** A heading and the rows that fit, one line each; the row under the cursor is among them. */
export function tableLines<Row>({ columns, rows, cursor, width, height }: TableOptions<Row>, theme: Theme): Line[] {
  const shown = fitting(columns, width);
  const widths = widthsOf(shown, width);
  const { first, count } = visibleRows(rows.length, cursor ?? 0, height - 1);
  const heading: Line = [
    ' '.repeat(CURSOR_WIDTH),
    ...shown.flatMap((column, i): Line => [gap(i), headingCell(column, widths[i] ?? 0, theme)]),
  ];
  const body = rows.slice(first, first + count).map((row, i): Line => {
    const selected = first + i === cursor;
    return [
      selected ? { text: fitText(theme.glyphs.cursor, CURSOR_WIDTH), tone: 'accent' } : ' '.repeat(CURSOR_WIDTH),
      ...shown.flatMap((column, place): Line => {
        const cell = column.cell(row);
        if (Array.isArray(cell)) return [gap(place), ...(cell as Line)];
        const span = typeof cell === 'string' ? { text: cell } : (cell as Span);
        const text = placed(span.text, widths[place] ?? 0, column.left === true, theme);
        return [gap(place), { ...span, text, ...(selected && place === 0 ? { bold: true } : {}) }];
      }),
    ];
  });
  return [heading, ...body];
}

const gap = (place: number): string => (place === 0 ? '' : ' ');

function fitting<Row>(columns: readonly TableColumn<Row>[], width: number): readonly TableColumn<Row>[] {
  let shown = columns;
  const taken = () => CURSOR_WIDTH + shown.reduce((sum, column) => sum + column.width + 1, -1);
  for (const light of columns.filter(({ weight }) => weight !== undefined).sort(byWeight)) {
    if (taken() <= width) break;
    shown = shown.filter((column) => column !== light);
  }
  return shown;
}

function byWeight(a: { weight?: number }, b: { weight?: number }): number {
  return (a.weight ?? 0) - (b.weight ?? 0);
}

function widthsOf<Row>(columns: readonly TableColumn<Row>[], width: number): number[] {
  const rest = columns.slice(1).reduce((sum, column) => sum + column.width + 1, 0);
  const room = width - CURSOR_WIDTH - rest;
  return columns.map((column, i) => (i > 0 ? column.width : Math.max(1, Math.min(room, column.maxWidth ?? room))));
}

function headingCell<Row>({ title, sorted, left }: TableColumn<Row>, width: number, theme: Theme): Span {
  const mark = sorted === undefined ? '' : sorted === 'falling' ? theme.glyphs.down : theme.glyphs.up;
  const text = placed(title + mark, width, left === true, theme);
  return sorted === undefined ? { text, tone: 'dim' } : { text, tone: 'accent', bold: true };
}

function placed(text: string, width: number, left: boolean, { glyphs }: Theme): string {
  return left ? fitText(text, width, glyphs.ellipsis) : alignRight(text, width);
}
