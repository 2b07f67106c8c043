import { gridOf, rateSeries } from '../state/series.ts';
import type { Slot } from '../state/slot.ts';
import { type MonitorState, shownEndMs, shownSlots } from '../state/state.ts';
import { summarize, type WindowSummary } from '../state/summary.ts';
import { type PANELS, type PanelName, shownGraph, showsOnePanel } from '../state/view.ts';
import type { Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, beside, packed, panel } from '../widgets/block.ts';
import { formatCount, formatLatency, formatPeriod, formatShare } from '../widgets/format.ts';
import { type GaugePanel, postgresGauges, processGauges, redisGauges } from '../widgets/gauges.ts';
import { areaGraph, timeAxis } from '../widgets/graph.ts';
import { HEAT_LABEL_WIDTH, heatMap } from '../widgets/heat.ts';
import { levelLines, levelStrip } from '../widgets/service-levels.ts';
import { graphPanel } from './graph-panel.ts';
import { methodTablePanel } from './method-table-panel.ts';
import { eventsPanel, eventsPart } from './overview-events.ts';
import { FRAME_ROWS, LEVELS_BESIDE, overviewHeights, panelAt } from './overview-layout.ts';

/** What the panels draw: worked out once a frame. */
interface Overview {
  readonly state: MonitorState;
  readonly theme: Theme;
  readonly endMs: number;
  readonly slots: readonly Slot[];
  readonly window: WindowSummary;
}

type DrawPanel = (overview: Overview, width: number, height: number) => Block;

const LABEL_WIDTH = 5;
const BORDER = 4;

/** The first screen: how much, how fast, which methods, what stands behind. */
export function overviewScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const slots = shownSlots(state);
  const overview: Overview = { state, theme, endMs: shownEndMs(state), slots, window: summarize(slots) };
  if (state.view.expanded) return ratePanel(overview, width, rows - FRAME_ROWS);
  if (showsOnePanel(state.view)) {
    return DRAW[panelAt(state.view.panel)](overview, width, rows - FRAME_ROWS);
  }
  const heights = overviewHeights(width, rows, overview.window.methods.length);
  const left = Math.ceil(width / 2);
  return [
    ...beside(ratePanel(overview, left, heights.graphs), heatPanel(overview, width - left, heights.graphs)),
    ...methodsPanel(overview, width, heights.methods),
    ...gaugesPart(overview, width, heights.gauges),
    ...(heights.levels === 0 ? [] : [levelStrip(slots, width)]),
    ...eventsPart(state, width, heights.events, theme),
  ];
}

/** What stands behind the calls; the service levels beside it where there is room. */
function gaugesPart(overview: Overview, width: number, height: number): Block {
  const parts = [gaugePanel(postgresGauges), gaugePanel(redisGauges), gaugePanel(processGauges)];
  if (width >= LEVELS_BESIDE) parts.push(levelsPanel);
  const each = Math.floor(width / parts.length);
  const first = width - each * (parts.length - 1);
  return beside(...parts.map((draw, i) => draw(overview, i === 0 ? first : each, height)));
}

const ratePanel: DrawPanel = ({ state, theme, endMs, slots, window }, width, height) => {
  // Another graph was chosen: it stands in this place.
  if (shownGraph(state.view) !== 'rate') return graphPanel(state, undefined, width, height, theme);
  const { total } = window;
  const inner = height - 2;
  const now = slots.at(-1);
  const columns = width - BORDER - LABEL_WIDTH - 1;
  const series = rateSeries(slots, gridOf(endMs, state.view.windowMs, columns));
  const nowRate = now === undefined ? 0 : summarize([now]).total.rate;
  const err: Line[number] =
    total.errors === 0 ? '0%' : { text: formatShare(total.errorShare), tone: total.faults > 0 ? 'bad' : 'warn' };
  const heading = packed(
    [
      { line: value('now ', `${formatCount(nowRate)}/s`), weight: 4 },
      { line: value('avg ', formatCount(total.rate)), weight: 1 },
      { line: value('peak ', formatCount(peakOf(slots))), weight: 2 },
      { line: [{ text: 'err ', tone: 'dim' }, err], weight: 3 },
    ],
    width - BORDER,
  );
  const tally = packed(
    [
      { line: value('started ', formatCount(now === undefined ? 0 : sumOf(now, 'started'))), weight: 2 },
      { line: value('done ', formatCount(now === undefined ? 0 : sumOf(now, 'completed'))), weight: 3 },
      { line: value('in flight ', formatCount(total.inFlight)), weight: 4 },
      { line: value('queued ', formatCount(now?.gauges.postgres?.commitQueue ?? 0)), weight: 1 },
    ],
    width - BORDER,
  );
  const graphRows = Math.max(1, inner - (inner >= 6 ? 3 : 2));
  const axis = timeAxis(columns, axisLabels(state.view.windowMs), LABEL_WIDTH + 1, theme);
  const graph = areaGraph({ series, height: graphRows, label: formatCount, labelWidth: LABEL_WIDTH }, theme);
  const lines = [heading, ...graph, axis, ...(inner >= 6 ? [tally] : [])];
  return panel({ title: titleOf('Requests/s'), note: dim('all methods'), width, height, lines }, theme);
};

const heatPanel: DrawPanel = ({ state, theme, endMs, window }, width, height) => {
  const { latency } = window.total;
  const columns = width - BORDER - HEAT_LABEL_WIDTH - 1;
  const columnMs = Math.max(1000, state.view.intervalMs, Math.floor(state.view.windowMs / columns / 1000) * 1000);
  const figure = (name: string, us: number, weight: number) => ({
    line: value(`${name} `, latency.count === 0 ? '-' : formatLatency(us)),
    weight,
  });
  const figures = packed(
    [
      figure('p50', latency.percentile(0.5), 2),
      figure('p95', latency.percentile(0.95), 3),
      figure('p99', latency.percentile(0.99), 4),
      figure('max', latency.max, 1),
    ],
    width - BORDER,
  );
  const lines = [...heatMap(state.history, { endMs, columnMs, columns }, height - 3, theme)];
  while (lines.length < height - 3) lines.push([]);
  const note = dim(`1 col = ${formatPeriod(columnMs)}`);
  return panel({ title: titleOf('Latency'), note, width, height, lines: [...lines, figures] }, theme);
};

const methodsPanel: DrawPanel = ({ state, theme, window }, width, height) =>
  methodTablePanel(state, window, width, height, theme);

function gaugePanel(gauges: (slots: readonly Slot[], width: number, theme: Theme) => GaugePanel): DrawPanel {
  return ({ slots, theme }, width, height) => {
    const { title, note, lines } = gauges(slots, width - BORDER, theme);
    return panel({ title: titleOf(title), note, width, height, lines }, theme);
  };
}

/** The service levels of the guide. */
export const levelsPanel: DrawPanel = ({ state, slots, theme }, width, height) => {
  const note = dim(`over ${formatPeriod(state.view.windowMs)}`);
  return panel(
    { title: titleOf('Service levels'), note, width, height, lines: levelLines(slots, width - BORDER) },
    theme,
  );
};

const DRAW: Record<PanelName, DrawPanel> = {
  rate: ratePanel,
  heat: heatPanel,
  methods: methodsPanel,
  postgres: gaugePanel(postgresGauges),
  redis: gaugePanel(redisGauges),
  process: gaugePanel(processGauges),
  levels: levelsPanel,
  events: ({ state, theme }, width, height) => eventsPanel(state, width, height, theme),
} satisfies Record<(typeof PANELS)[number], DrawPanel>;

/** The most calls a second of any frame of the window. */
function peakOf(slots: readonly Slot[]): number {
  return Math.max(
    0,
    ...slots.map((slot) => (slot.coveredMs === 0 ? 0 : (sumOf(slot, 'completed') * 1000) / slot.coveredMs)),
  );
}

function sumOf(slot: Slot, field: 'started' | 'completed'): number {
  return slot.methods.reduce((sum, method) => sum + method[field], 0);
}

function axisLabels(windowMs: number): [string, string, string] {
  return [`-${formatPeriod(windowMs)}`, `-${formatPeriod(windowMs / 2)}`, 'now'];
}

function titleOf(text: string): Line {
  return [{ text, tone: 'title', bold: true }];
}

function value(name: string, text: string): Line {
  return [{ text: name, tone: 'dim' }, text];
}

function dim(text: string): Line {
  return [{ text, tone: 'dim' }];
}
