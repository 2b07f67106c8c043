import type { LatencyHistogram } from '../../shared/histogram.ts';
import { CODE_NAMES } from '../../shared/rpc-error.ts';
import { errorChange, percentileChange, rateChange } from '../state/change.ts';
import { type MethodDetail, methodDetail } from '../state/method-detail.ts';
import type { MonitorState } from '../state/state.ts';
import type { MethodSummary } from '../state/summary.ts';
import { showsOnePanel } from '../state/view.ts';
import { alignRight, fitText, type Line, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, beside, panel } from '../widgets/block.ts';
import { changeCell, pointsCell } from '../widgets/change-cell.ts';
import { formatAge, formatCount, formatLatency, formatPeriod, formatShare } from '../widgets/format.ts';
import { meter } from '../widgets/graph.ts';
import { graphPanel } from './graph-panel.ts';
import { FRAME_ROWS } from './overview-layout.ts';
import { slowestLines } from './slowest-calls.ts';

const BORDER = 4;
const CODE_WIDTH = 19;
const CHANGE_WIDTH = 9;
/** In the order of memoryhub.v1.Stage. */
const STAGE_NAMES = ['', 'decode', 'auth', 'domain', 'cache', 'database', 'encode'];
const QUANTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p99.9', 0.999],
  ['max', 1],
] as const;

/** Stages of so much of the window are those of all of it. */
const WHOLE_WINDOW = 0.95;

/** One method: percentiles, distribution, p99 over time, where the time goes, codes, slowest calls. */
export function methodScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const name = state.view.selected ?? '';
  const detail = methodDetail(state, name);
  const room = rows - FRAME_ROWS;
  if (state.view.expanded) return graphPanel(state, name, width, room, theme);
  if (showsOnePanel(state.view)) {
    const top = Math.min(10, room - 4);
    return [...percentilePanel(detail, state, width, top, theme), ...graphPanel(state, name, width, room - top, theme)];
  }
  const left = Math.ceil(width / 2);
  const top = Math.min(11, Math.max(9, Math.floor(room * 0.34)));
  // Six stages with heading and border.
  const bottom = room >= 27 ? 9 : 6;
  const slowest = room >= 40 ? 5 : 1;
  return [
    ...beside(
      percentilePanel(detail, state, left, top, theme),
      distributionPanel(detail, state, width - left, top, theme),
    ),
    ...graphPanel(state, name, width, room - top - bottom - slowest, theme),
    ...beside(
      stagePanel(detail, left, bottom, theme),
      codePanel(detail, width - left, bottom, state.view.windowMs, theme),
    ),
    ...slowestLines(detail, state.view.slowRow, width, slowest, theme),
  ];
}

function percentilePanel(
  detail: MethodDetail,
  { view, baseline }: MonitorState,
  width: number,
  height: number,
  theme: Theme,
): Block {
  const compared = view.difference && baseline !== undefined;
  const columnWidth = Math.max(6, Math.min(9, Math.floor((width - BORDER - 7 - (compared ? CHANGE_WIDTH : 0)) / 4)));
  const columns = [
    ['now', detail.now],
    [formatPeriod(view.windowMs), detail.window],
    ['10m', detail.history],
    ['boot', detail.boot],
  ] as const;
  const change = (span: Span | string): Line => {
    if (!compared) return [];
    const { text, ...style } = typeof span === 'string' ? { text: span } : span;
    return [{ ...style, text: alignRight(text, CHANGE_WIDTH) }];
  };
  const row = (name: string, cell: (summary: MethodSummary) => string, changed: Span | string): Line => [
    { text: fitText(name, 7), tone: 'dim' },
    ...columns.map(([, summary]) => ({ text: alignRight(summary === undefined ? '-' : cell(summary), columnWidth) })),
    ...change(changed),
  ];
  const { before, window } = detail;
  const lines: Line[] = [
    [
      ' '.repeat(7),
      ...columns.map(([title]) => ({ text: alignRight(title, columnWidth), tone: 'dim' as const })),
      ...change({ text: 'vs base', tone: 'dim' }),
    ],
    ...QUANTILES.map(([name, quantile]) =>
      row(
        name,
        ({ latency }) => (latency.count === 0 ? '-' : formatLatency(latency.percentile(quantile))),
        changeCell(before && window && percentileChange(before.latency, window.latency, quantile)),
      ),
    ),
    row('calls', ({ completed }) => formatCount(completed), changeCell(before && window && rateChange(before, window))),
    row(
      'err%',
      ({ errorShare }) => formatShare(errorShare),
      pointsCell(before && window && errorChange(before, window)),
    ),
  ];
  const note: Line = [{ text: `${theme.glyphs.ascii ? '+-' : '±'}1.1%`, tone: 'dim' }];
  return panel({ title: titleOf('Percentiles'), note, width, height, lines }, theme);
}

function distributionPanel(
  detail: MethodDetail,
  { view }: MonitorState,
  width: number,
  height: number,
  theme: Theme,
): Block {
  const latency = detail.window?.latency;
  const inner = height - 2;
  const title = titleOf(`Distribution, last ${formatPeriod(view.windowMs)}`);
  if (latency === undefined || latency.count === 0) return panel({ title, width, height, lines: [noCalls] }, theme);
  const bands = octaves(latency, inner);
  const most = Math.max(...bands.map(({ count }) => count));
  const barWidth = Math.max(4, width - BORDER - 24);
  const lines = bands.map(({ label, count, upperUs }): Line => {
    const marks = QUANTILES.filter(
      ([name, quantile]) => /^p(50|95|99)$/.test(name) && within(latency, quantile, bands, upperUs),
    );
    return [
      { text: `${alignRight(label, 9)} `, tone: 'dim' },
      ...meter(count / most, barWidth, false, { ...theme, glyphs: { ...theme.glyphs, meterRest: ' ' } }),
      ` ${alignRight(formatShare(count / latency.count), 5)} `,
      { text: marks.map(([name]) => name).join(' '), tone: 'accent' },
    ];
  });
  return panel({ title, width, height, lines }, theme);
}

interface Octave {
  readonly label: string;
  readonly upperUs: number;
  readonly count: number;
}

/** Bands that double, so many as there are rows: the slowest of them take in everything below and above. */
function octaves(latency: LatencyHistogram, rows: number): readonly Octave[] {
  const last = Math.ceil(Math.log2(Math.max(latency.max, 2)));
  const first = Math.max(Math.ceil(Math.log2(Math.max(latency.percentile(0.01), 2))), last - rows + 1);
  let below = 0;
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const upperUs = 2 ** (first + i);
    const atMost = i === last - first ? latency.count : latency.countAtMost(upperUs);
    const count = atMost - below;
    below = atMost;
    return { label: `<${formatLatency(upperUs)}`, upperUs, count };
  });
}

function within(latency: LatencyHistogram, quantile: number, bands: readonly Octave[], upperUs: number): boolean {
  const us = latency.percentile(quantile);
  return bands.find((band) => us <= band.upperUs)?.upperUs === upperUs;
}

function stagePanel(detail: MethodDetail, width: number, height: number, theme: Theme): Block {
  const title = titleOf('Where the time goes');
  const cellWidth = width < 46 ? 7 : 8;
  const barWidth = Math.max(4, width - BORDER - 9 - 2 * cellWidth - 8);
  const heading: Line = [
    {
      text: `${fitText('STAGE', 9)}${alignRight('P50', cellWidth)}${alignRight('P99', cellWidth)}  share`,
      tone: 'dim',
    },
  ];
  const rows = detail.stages.map(({ stage, latency, share }): Line => {
    const cell = (quantile: number) =>
      alignRight(latency.count === 0 ? '-' : formatLatency(latency.percentile(quantile)), cellWidth);
    return [
      fitText(STAGE_NAMES[stage] ?? `stage ${stage}`, 9) + cell(0.5) + cell(0.99),
      '  ',
      ...meter(share, barWidth, false, theme),
      ` ${alignRight(formatShare(share), 5)}`,
    ];
  });
  const hint: Line = [{ text: 'The server has sent no stages of this method yet.', tone: 'dim' }];
  const lines = rows.length === 0 ? [hint] : [heading, ...rows];
  return panel({ title, note: detailNote(detail), width, height, lines }, theme);
}

/** A server tells of stages and slowest calls while the method is looked at: that may be less than the window. */
function detailNote({ detailCoveredMs, windowCoveredMs }: MethodDetail): Line {
  if (detailCoveredMs === 0 || detailCoveredMs >= windowCoveredMs * WHOLE_WINDOW) return [];
  return [{ text: `of the last ${formatAge(Math.round(detailCoveredMs / 1000) * 1000)}`, tone: 'dim' }];
}

function codePanel(detail: MethodDetail, width: number, height: number, windowMs: number, theme: Theme): Block {
  const title = titleOf('Status codes');
  const boot = new Map(detail.boot?.codes.map(({ code, count }) => [code, count]));
  const counts = new Map(detail.window?.codes.map(({ code, count }) => [code, count]));
  const codes = [...new Set([...counts.keys(), ...boot.keys()])];
  codes.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (boot.get(b) ?? 0) - (boot.get(a) ?? 0));
  const seconds = detail.windowCoveredMs / 1000;
  const codeWidth = Math.min(CODE_WIDTH, width - BORDER - 18);
  const cellWidth = Math.min(9, Math.floor((width - BORDER - codeWidth) / 3));
  const cells = (...texts: readonly string[]) => texts.map((text) => alignRight(text, cellWidth)).join('');
  const heading: Line = [
    { text: `${fitText('CODE', codeWidth)}${cells(formatPeriod(windowMs), '/S', 'BOOT')}`, tone: 'dim' },
  ];
  const rows = codes.map((code): Line => {
    const count = counts.get(code) ?? 0;
    const name: Span =
      code === 0
        ? { text: fitText('OK', codeWidth) }
        : { text: fitText(CODE_NAMES[code] ?? `CODE_${code}`, codeWidth), ...(count > 0 ? { tone: 'warn' } : {}) };
    const since = detail.boot === undefined ? '-' : formatCount(boot.get(code) ?? 0);
    return [name, cells(formatCount(count), formatCount(seconds === 0 ? 0 : count / seconds), since)];
  });
  return panel({ title, width, height, lines: rows.length === 0 ? [noCalls] : [heading, ...rows] }, theme);
}

const noCalls: Line = [{ text: 'no calls in this window', tone: 'dim' }];

function titleOf(text: string): Line {
  return [{ text, tone: 'title', bold: true }];
}
