import type { Series } from '../state/series.ts';
import { alignRight, type Line } from '../terminal/line.ts';
import { ramp, type Theme } from '../terminal/theme.ts';

export interface GraphOptions {
  readonly series: Series;
  /** Rows, at least 1. */
  readonly height: number;
  /** Numbers at the left. */
  readonly label: (value: number) => string;
  readonly labelWidth: number;
  /** Rows above this value are drawn in the warm ramp. */
  readonly warmAbove?: number;
  /** A value to keep below: a line across, where it is on the scale. */
  readonly line?: { readonly value: number; readonly text: string };
}

/**
 * A filled graph from zero, one column a value. A column of zero has a foot, a column of which
 * nothing is known is empty.
 */
export function areaGraph(
  { series, height, label, labelWidth, warmAbove, line }: GraphOptions,
  theme: Theme,
): readonly Line[] {
  const top = niceCeiling(Math.max(0, ...series.map((value) => value ?? 0)));
  const { bars, vertical } = theme.glyphs;
  const steps = bars.length - 1;
  return Array.from({ length: height }, (_, row) => {
    const fromBottom = height - 1 - row;
    let text = '';
    for (const value of series) {
      if (value === undefined) {
        text += ' ';
        continue;
      }
      const filled = Math.round((value / top) * height * steps) - fromBottom * steps;
      const foot = fromBottom === 0 ? 1 : 0;
      text += bars[Math.min(steps, Math.max(foot, filled))] ?? ' ';
    }
    if (line !== undefined && Math.floor((line.value / top) * height) === fromBottom)
      text = withLine(text, line.text, theme);
    const share = height === 1 ? 0.5 : fromBottom / (height - 1);
    const kind = warmAbove !== undefined && (top * fromBottom) / height >= warmAbove ? 'warm' : 'cool';
    return [
      { text: alignRight(scaleLabel(row, height, top, label), labelWidth), tone: 'dim' },
      { text: vertical, tone: 'border' },
      { text, tone: ramp(kind, share * 0.79 + 0.2) },
    ];
  });
}

/** Dashes where nothing else stands, begun by what the line means. */
function withLine(row: string, meaning: string, { glyphs }: Theme): string {
  const dashes = Array.from({ length: row.length }, (_, i) => (i % 2 === 0 ? glyphs.horizontal : ' ')).join('');
  const line = `${dashes.slice(0, 2)}${meaning}${dashes.slice(2 + meaning.length)}`;
  return [...row].map((cell, i) => (cell === ' ' ? (line[i] ?? ' ') : cell)).join('');
}

/** The scale stands at the top row and, where a row begins there, at half of it. */
function scaleLabel(row: number, height: number, top: number, label: (value: number) => string): string {
  if (row === 0) return label(top);
  return height >= 4 && row === height / 2 ? label(top / 2) : '';
}

/** The next of 1, 2, 2.5, 5 times a power of ten: a scale that seldom changes. */
export function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5].find((factor) => factor * power >= value) ?? 10;
  return step * power;
}

/** The foot of a graph: how long ago its left end, middle and right end are. */
export function timeAxis(
  width: number,
  labels: readonly [left: string, middle: string, right: string],
  gutter: number,
  theme: Theme,
): Line {
  const { horizontal } = theme.glyphs;
  const [left, middle, right] = labels;
  const free = width - left.length - middle.length - right.length;
  const axis =
    free < 4
      ? left + horizontal.repeat(Math.max(0, width - left.length - right.length)) + right
      : left + horizontal.repeat(Math.floor(free / 2)) + middle + horizontal.repeat(Math.ceil(free / 2)) + right;
  return [' '.repeat(gutter), { text: axis, tone: 'border' }];
}

/**
 * One row of bars. The scale ends at twice the median or at the largest value, so that a steady
 * line lies at half height and a spike stands out.
 */
export function sparkline(series: Series, theme: Theme): string {
  const { bars } = theme.glyphs;
  const steps = bars.length - 1;
  const known = series.filter((value) => value !== undefined).sort((a, b) => a - b);
  const top = Math.max(known.at(-1) ?? 0, 2 * (known[Math.floor(known.length / 2)] ?? 0));
  return series
    .map((value) =>
      value === undefined ? ' ' : (bars[Math.min(steps, Math.max(1, Math.round((value / top) * steps)))] ?? ' '),
    )
    .join('');
}

/** A horizontal bar for a share 0..1; `alarming` for those that should not be full. */
export function meter(share: number, width: number, alarming: boolean, theme: Theme): Line {
  const { meter: fills, meterRest } = theme.glyphs;
  const steps = fills.length - 1;
  const filled = Math.round(Math.min(Math.max(share, 0), 1) * width * steps);
  const full = Math.floor(filled / steps);
  const part = filled % steps === 0 ? '' : (fills[filled % steps] ?? '');
  const rest = width - full - (part === '' ? 0 : 1);
  return [
    { text: (fills[steps] ?? '').repeat(full) + part, tone: alarming && share > 0.85 ? 'warm3' : 'cool3' },
    { text: meterRest.repeat(Math.max(0, rest)), tone: 'border' },
  ];
}
