import { levelOf } from '../../shared/service-levels.ts';
import { atCursor } from '../state/method-detail.ts';
import {
  errorSeries,
  gridOf,
  type MethodFilter,
  percentileSeries,
  rateSeries,
  type TimeGrid,
} from '../state/series.ts';
import { type MonitorState, shownEndMs, shownSlots } from '../state/state.ts';
import { type GraphName, shownGraph } from '../state/view.ts';
import { type Line, plainText, printable } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatClock, formatCount, formatLatency, formatPeriod, formatShare } from '../widgets/format.ts';
import { areaGraph, timeAxis } from '../widgets/graph.ts';
import { HEAT_LABEL_WIDTH, heatMap } from '../widgets/heat.ts';

const BORDER = 4;
const LABEL_WIDTH = HEAT_LABEL_WIDTH;

const TITLES: Record<GraphName, string> = {
  rate: 'Calls/s',
  errors: 'Errors, share of the calls',
  heat: 'Latency',
  p99: 'p99 over time',
};

/** The graph of the view, of one method or of all, with a cursor that says what was at one moment. */
export function graphPanel(
  state: MonitorState,
  name: string | undefined,
  width: number,
  height: number,
  theme: Theme,
): Block {
  const { view } = state;
  const graph = shownGraph(view);
  const columns = width - BORDER - LABEL_WIDTH - 1;
  const grid = graph === 'heat' ? heatGrid(state, columns) : gridOf(shownEndMs(state), view.windowMs, columns);
  const wanted: MethodFilter | undefined = name === undefined ? undefined : (method) => method.name === name;
  const back = name === undefined || view.screen !== 'method' ? undefined : view.cursorBackMs;
  const foot = footOf(graph, grid, back, theme);
  const body = bodyOf(graph, state, name, grid, Math.max(1, height - 2 - foot.length), theme, wanted);
  const of = name === undefined ? 'all methods' : view.screen === 'method' ? undefined : printable(name);
  const title: Line = [
    { text: of === undefined ? TITLES[graph] : `${TITLES[graph]}: ${of}`, tone: 'title', bold: true },
  ];
  const note = name !== undefined && view.screen === 'method' ? cursorNote(state, name) : columnNote(graph, grid);
  return panel({ title, note, width, height, lines: [...body, ...foot] }, theme);
}

function bodyOf(
  graph: GraphName,
  state: MonitorState,
  name: string | undefined,
  grid: TimeGrid,
  height: number,
  theme: Theme,
  wanted: MethodFilter | undefined,
): readonly Line[] {
  const slots = shownSlots(state);
  const area = (series: ReturnType<typeof rateSeries>, label: (value: number) => string, line?: SloLine) =>
    areaGraph({ series, height, label, labelWidth: LABEL_WIDTH, ...(line && { line }) }, theme);
  switch (graph) {
    case 'rate':
      return area(rateSeries(slots, grid, wanted), formatCount);
    case 'errors':
      return area(spreadOut(errorSeries(slots, grid, wanted), grid.columnMs), formatShare);
    case 'heat': {
      const rows = heatMap(state.history, grid, height, theme, wanted);
      return [...rows, ...Array.from({ length: Math.max(0, height - rows.length) }, () => [])];
    }
    case 'p99':
      return area(spreadOut(percentileSeries(slots, grid, 0.99, wanted), grid.columnMs), formatLatency, sloLine(name));
  }
}

interface SloLine {
  readonly value: number;
  readonly text: string;
}

/** The service level of a method: its p95 is promised, so a p99 below the line keeps it for certain. */
function sloLine(name: string | undefined): SloLine | undefined {
  const level = levelOf(name ?? 'api');
  if (level === undefined) return undefined;
  const { threshold, metricName } = level.promise;
  return { value: threshold, text: ` SLO ${metricName} ${formatLatency(threshold)} ` };
}

/** A column of the heat is a whole second at least: a call is not shared out. */
function heatGrid(state: MonitorState, columns: number): TimeGrid {
  const { intervalMs, windowMs } = state.view;
  const columnMs = Math.max(1000, intervalMs, Math.floor(windowMs / columns / 1000) * 1000);
  return { endMs: shownEndMs(state), columnMs, columns };
}

/** The axis of time, with the cursor. The heat says what a column is, and has its rows for bands instead. */
function footOf(graph: GraphName, grid: TimeGrid, cursorBackMs: number | undefined, theme: Theme): readonly Line[] {
  if (graph === 'heat' && cursorBackMs === undefined) return [];
  const { columns, columnMs } = grid;
  const ms = Math.round((columns * columnMs) / 1000) * 1000;
  const middle = ms % 2000 === 0 ? `-${formatPeriod(ms / 2)}` : '';
  const axis = timeAxis(columns, [`-${formatPeriod(ms)}`, middle, 'now'], LABEL_WIDTH + 1, theme);
  if (cursorBackMs === undefined) return [axis];
  const place = Math.max(0, columns - 1 - Math.round(cursorBackMs / columnMs));
  return [cursorAxis(axis, LABEL_WIDTH + 1 + place, theme)];
}

function columnNote(graph: GraphName, { columnMs }: TimeGrid): Line {
  return graph === 'heat' ? [{ text: `1 col = ${formatPeriod(columnMs)}`, tone: 'dim' }] : [];
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
