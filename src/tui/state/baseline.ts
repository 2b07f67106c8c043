import { type MonitorState, shownSlots } from './state.ts';
import { type MethodSummary, summarize, type WindowSummary } from './summary.ts';

/** A stretch of time that others are compared with; it is kept when the history has forgotten it. */
export interface Baseline {
  readonly fromMs: number;
  readonly toMs: number;
  /** Whose: a server may be compared with another, or with all of them. */
  readonly target: string;
  readonly window: WindowSummary;
}

/** The stretch that is in sight, to compare others with; undefined while there is none. */
export function baselineOf(state: MonitorState): Baseline | undefined {
  const slots = shownSlots(state);
  const [first, last] = [slots[0], slots.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const fromMs = first.endMs - first.coveredMs;
  return { fromMs, toMs: last.endMs, target: state.target, window: summarize(slots) };
}

/** What a method did in the baseline; undefined without one, or without calls in it. */
export function inBaseline({ baseline }: MonitorState, name: string): MethodSummary | undefined {
  return baseline?.window.methods.find((method) => method.name === name);
}
