import { heatBands, type MethodFilter, type Series, type TimeGrid } from '../state/series.ts';
import type { Slot } from '../state/slot.ts';
import { alignRight, type Line, type Span } from '../terminal/line.ts';
import { ramp, type Theme } from '../terminal/theme.ts';

/** Upper ends of the bands in milliseconds, for so many rows; the last row is open. */
const BANDS: Readonly<Record<number, readonly number[]>> = {
  2: [10],
  3: [1, 100],
  4: [1, 10, 100],
  5: [0.5, 5, 50, 500],
  6: [0.1, 1, 10, 100, 1000],
  7: [0.1, 1, 5, 20, 100, 1000],
  8: [0.1, 0.5, 2, 10, 50, 200, 1000],
  10: [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000],
  13: [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 300, 1000],
};
/** From here on a band is drawn warm. Milliseconds. */
const SLOW_MS = 50;
export const HEAT_LABEL_WIDTH = 6;

/** How many calls took how long, over time: rows are bands of latency, slowest at the top; density is the count. */
export function heatMap(
  slots: readonly Slot[],
  grid: TimeGrid,
  height: number,
  theme: Theme,
  wanted?: MethodFilter,
): readonly Line[] {
  const rows = Math.max(
    2,
    ...Object.keys(BANDS)
      .map(Number)
      .filter((count) => count <= height),
  );
  const uppersMs = BANDS[rows] ?? [];
  const bands = heatBands(
    slots,
    grid,
    uppersMs.map((ms) => ms * 1000),
    wanted,
  );
  const most = Math.max(1, ...bands.flatMap((band) => band.map((count) => count ?? 0)));
  return bands
    .map((band, i) => heatRow(band, bandLabel(uppersMs, i), (uppersMs[i - 1] ?? 0) >= SLOW_MS, most, theme))
    .toReversed();
}

function bandLabel(uppersMs: readonly number[], band: number): string {
  const upper = uppersMs[band];
  return upper === undefined ? `>${milliseconds(uppersMs.at(-1) ?? 0)}` : `<${milliseconds(upper)}`;
}

function milliseconds(ms: number): string {
  return ms >= 1000 ? `${ms / 1000}s` : `${String(ms).replace(/^0\./, '.')}ms`;
}

/** Neighbours of one density are one span. */
function heatRow(band: Series, label: string, slow: boolean, most: number, theme: Theme): Line {
  const { shades, vertical } = theme.glyphs;
  const spans: Span[] = [];
  let run = '';
  let runLevel = 0;
  const flush = () => {
    if (run === '') return;
    const text = (shades[runLevel] ?? ' ').repeat(run.length);
    spans.push(
      runLevel === 0 ? { text } : { text, tone: ramp(slow ? 'warm' : 'cool', (runLevel - 1) / (shades.length - 2)) },
    );
    run = '';
  };
  for (const count of band) {
    const level = density(count ?? 0, most, shades.length - 1);
    if (level !== runLevel) flush();
    runLevel = level;
    run += ' ';
  }
  flush();
  return [{ text: alignRight(label, HEAT_LABEL_WIDTH), tone: 'dim' }, { text: vertical, tone: 'border' }, ...spans];
}

/** Of the count's share the 0.4th power: one slow call among thousands is seen, and the busiest band still stands out. */
function density(count: number, most: number, levels: number): number {
  if (count <= 0) return 0;
  return Math.max(1, Math.ceil((count / most) ** 0.4 * levels));
}
