import { LatencyHistogram } from '../../shared/histogram.ts';
import { inBaseline } from './baseline.ts';
import { slotsWithin } from './history.ts';
import type { MethodSlot, Slot, SlowCallSlot } from './slot.ts';
import { type MonitorState, shownEndMs } from './state.ts';
import { type MethodSummary, type SummedSlot, summarize } from './summary.ts';

/** One method over the last frame, the window, and ten minutes. */
export interface MethodDetail {
  readonly now: MethodSummary | undefined;
  readonly window: MethodSummary | undefined;
  readonly history: MethodSummary | undefined;
  /** In the baseline. */
  readonly before: MethodSummary | undefined;
  /** Since the server's start, as far as it told. */
  readonly boot: MethodSummary | undefined;
  readonly windowCoveredMs: number;
  /** How much of it has stages and slowest calls: a server sends them while somebody looks at the method. */
  readonly detailCoveredMs: number;
  /** Merged over the window; empty until the server sends stages of this method. */
  readonly stages: readonly StageSummary[];
  /** Of the window, slowest first. */
  readonly slowest: readonly SlowCallSlot[];
}

export interface StageSummary {
  /** Number of memoryhub.v1.Stage. */
  readonly stage: number;
  readonly latency: LatencyHistogram;
  /** Of the time all stages took, 0..1. */
  readonly share: number;
}

const SLOWEST_SHOWN = 10;
/** What the window is compared with. */
const LONG_MS = 10 * 60_000;

/** What the detail screen draws. */
export function methodDetail(state: MonitorState, name: string): MethodDetail {
  const endMs = shownEndMs(state);
  const window = slotsWithin(state.history, endMs, state.view.windowMs);
  const ofMethod = (slots: readonly Slot[]): readonly MethodSlot[] =>
    slots.flatMap(({ methods }) => methods.filter((method) => method.name === name));
  const summaryIn = (slots: readonly Slot[]) => summarize(onlyOf(slots, name)).methods[0];
  return {
    now: summaryIn(window.slice(-1)),
    window: summaryIn(window),
    history: summaryIn(slotsWithin(state.history, endMs, LONG_MS)),
    before: inBaseline(state, name),
    boot: state.totals && summaryIn([state.totals]),
    windowCoveredMs: window.reduce((sum, { coveredMs }) => sum + coveredMs, 0),
    detailCoveredMs: detailCoveredMs(window, name),
    stages: stagesOf(ofMethod(window)),
    slowest: ofMethod(window)
      .flatMap(({ slowest }) => slowest)
      .sort((a, b) => b.durationMs - a.durationMs)
      .slice(0, SLOWEST_SHOWN),
  };
}

/** From the first slot with stages on: a second without calls of the method has none. */
function detailCoveredMs(window: readonly Slot[], name: string): number {
  const first = window.findIndex(({ methods }) =>
    methods.some((method) => method.name === name && method.stages.length > 0),
  );
  return first === -1 ? 0 : window.slice(first).reduce((sum, { coveredMs }) => sum + coveredMs, 0);
}

function onlyOf(slots: readonly Slot[], name: string): readonly SummedSlot[] {
  return slots.map(({ coveredMs, methods }) => ({
    coveredMs,
    methods: methods.filter((method) => method.name === name),
  }));
}

function stagesOf(methods: readonly MethodSlot[]): readonly StageSummary[] {
  const byStage = new Map<number, LatencyHistogram>();
  for (const { stage, latency } of methods.flatMap((method) => method.stages)) {
    const sum = byStage.get(stage) ?? new LatencyHistogram();
    if (latency !== undefined) sum.addWire(latency);
    byStage.set(stage, sum);
  }
  const total = [...byStage.values()].reduce((sum, latency) => sum + latency.sum, 0);
  return [...byStage]
    .sort(([a], [b]) => a - b)
    .map(([stage, latency]) => ({ stage, latency, share: total === 0 ? 0 : latency.sum / total }));
}

/** How far the time cursor moves at once: a column of one second, or a sixtieth of the window. Milliseconds. */
export function cursorStepMs({ windowMs }: MonitorState['view']): number {
  return Math.max(1000, windowMs / 60);
}

/** What a method did where the time cursor stands; undefined while there is no cursor. */
export function atCursor(
  state: MonitorState,
  name: string,
): { endMs: number; summary: MethodSummary | undefined } | undefined {
  const { cursorBackMs } = state.view;
  if (cursorBackMs === undefined) return undefined;
  const endMs = shownEndMs(state) - cursorBackMs;
  const slots = slotsWithin(state.history, endMs, cursorStepMs(state.view));
  return { endMs, summary: summarize(onlyOf(slots, name)).methods[0] };
}
