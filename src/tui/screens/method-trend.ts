import { atCursor } from '../state/method-detail.ts';
import { gridOf, percentileSeries } from '../state/series.ts';
import { type MonitorState, shownEndMs, shownSlots } from '../state/state.ts';
import { type Line, plainText } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatClock, formatCount, formatLatency, formatPeriod, formatShare } from '../widgets/format.ts';
import { areaGraph, timeAxis } from '../widgets/graph.ts';

const BORDER = 4;
const GRAPH_LABEL_WIDTH = 6;

/** The p99 of a method over time, with a cursor that says what was at one moment. */
export function trendPanel(state: MonitorState, name: string, width: number, height: number, theme: Theme): Block {
  const columns = width - BORDER - GRAPH_LABEL_WIDTH - 1;
  const grid = gridOf(shownEndMs(state), state.view.windowMs, columns);
  const series = spreadOut(
    percentileSeries(shownSlots(state), grid, 0.99, (method) => method.name === name),
    grid.columnMs,
  );
  const label = (us: number) => formatLatency(us);
  const graph = areaGraph({ series, height: Math.max(1, height - 3), label, labelWidth: GRAPH_LABEL_WIDTH }, theme);
  const { windowMs, cursorBackMs } = state.view;
  const axis = timeAxis(
    columns,
    [`-${formatPeriod(windowMs)}`, `-${formatPeriod(windowMs / 2)}`, 'now'],
    GRAPH_LABEL_WIDTH + 1,
    theme,
  );
  const place =
    cursorBackMs === undefined ? undefined : Math.max(0, columns - 1 - Math.round((cursorBackMs / windowMs) * columns));
  const foot: Line = place === undefined ? axis : cursorAxis(axis, GRAPH_LABEL_WIDTH + 1 + place, theme);
  const note = cursorNote(state, name);
  return panel(
    { title: [{ text: 'p99 over time', tone: 'title', bold: true }], note, width, height, lines: [...graph, foot] },
    theme,
  );
}

/** The axis with the cursor on it: a sign, not a colour. */
function cursorAxis(axis: Line, place: number, { glyphs }: Theme): Line {
  const text = plainText(axis);
  return [
    { text: text.slice(0, place), tone: 'border' },
    { text: glyphs.up, tone: 'accent', bold: true },
    { text: text.slice(place + 1), tone: 'border' },
  ];
}

/** What was at the cursor, in words. */
function cursorNote(state: MonitorState, name: string): Line {
  const at = atCursor(state, name);
  if (at === undefined) return [{ text: 'h l move a cursor', tone: 'dim' }];
  const { endMs, summary } = at;
  if (summary === undefined || summary.latency.count === 0) return [`${formatClock(endMs)}  no calls`];
  const { latency, rate, errorShare } = summary;
  return [
    `${formatClock(endMs)}  p99 ${formatLatency(latency.percentile(0.99))}  max ${formatLatency(latency.max)}  ${formatCount(rate)}/s  err ${formatShare(errorShare)}`,
  ];
}

/** Columns narrower than a frame repeat its value, so that a steady line has no teeth. */
function spreadOut(series: readonly (number | undefined)[], columnMs: number): readonly (number | undefined)[] {
  const reach = Math.ceil(1000 / columnMs);
  return series.map((value, i) => {
    if (value !== undefined) return value;
    for (let step = 1; step < reach; step++) {
      const near = series[i + step] ?? series[i - step];
      if (near !== undefined) return near;
    }
    return undefined;
  });
}
