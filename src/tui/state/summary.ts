import { LatencyHistogram } from '../../shared/histogram.ts';
import { isWatch } from '../../shared/method-name.ts';
import { addCodes } from './fold.ts';
import type { CodeTally, MethodSlot, Slot } from './slot.ts';

const OK = 0;
const CANCELLED = 1;
/** Codes that say the server failed, not the caller (OpenTelemetry's semantic conventions for RPC servers). */
const FAULTS = new Set([2, 4, 12, 13, 14, 15]);

/** Ended neither OK nor cancelled by its caller. */
export function isError(code: number): boolean {
  return code !== OK && code !== CANCELLED;
}

/** What happened in a window, of one method or of all. */
export interface Summary {
  readonly started: number;
  readonly completed: number;
  /** Under way at the end of the window. */
  readonly inFlight: number;
  /** Calls a second that ended. */
  readonly rate: number;
  /** Ended neither OK nor cancelled by their caller. */
  readonly errors: number;
  /** Of these, failed by the server's fault. */
  readonly faults: number;
  /** Share of the ended calls, 0..1. */
  readonly errorShare: number;
  readonly codes: readonly CodeTally[];
  /** Latencies in microseconds; empty for streams that live as long as their reader. */
  readonly latency: LatencyHistogram;
}

export interface MethodSummary extends Summary {
  readonly name: string;
  /** A stream that lives as long as its reader. */
  readonly watch: boolean;
}

export interface WindowSummary {
  /** Time the slots cover, less than the window while history is short. Milliseconds. */
  readonly coveredMs: number;
  readonly methods: readonly MethodSummary[];
  /** Of all methods; watches count as calls, and not in its latency. */
  readonly total: Summary;
}

/** What of a slot is added up. */
export type SummedSlot = Pick<Slot, 'coveredMs' | 'methods'>;

/** Adds up the slots of a window. Histograms are merged, so its percentiles are those of all its calls. */
export function summarize(slots: readonly SummedSlot[]): WindowSummary {
  const coveredMs = slots.reduce((sum, slot) => sum + slot.coveredMs, 0);
  const byName = new Map<string, MethodSlot[]>();
  for (const slot of slots) {
    for (const method of slot.methods) {
      const list = byName.get(method.name);
      if (list === undefined) byName.set(method.name, [method]);
      else list.push(method);
    }
  }
  const methods = [...byName].map(([name, list]) => ({
    name,
    watch: isWatch(name),
    ...summaryOf(list, inFlightNow(name, slots.at(-1)), coveredMs, isWatch(name)),
  }));
  return { coveredMs, methods, total: totalOf(methods, coveredMs) };
}

function inFlightNow(name: string, last: SummedSlot | undefined): number {
  return last?.methods.find((method) => method.name === name)?.inFlight ?? 0;
}

function summaryOf(list: readonly MethodSlot[], inFlight: number, coveredMs: number, watch: boolean): Summary {
  const latency = new LatencyHistogram();
  let started = 0;
  let completed = 0;
  let codes: readonly CodeTally[] = [];
  for (const slot of list) {
    started += slot.started;
    completed += slot.completed;
    codes = addCodes(codes, slot.codes);
    if (!watch && slot.latency !== undefined) latency.addWire(slot.latency);
  }
  return { started, completed, inFlight, codes, latency, ...shares(completed, codes, coveredMs) };
}

function totalOf(methods: readonly MethodSummary[], coveredMs: number): Summary {
  const latency = new LatencyHistogram();
  const total = { started: 0, completed: 0, inFlight: 0 };
  let codes: readonly CodeTally[] = [];
  for (const method of methods) {
    total.started += method.started;
    total.completed += method.completed;
    // A watch is open all day: it is no call that somebody waits for.
    if (!method.watch) total.inFlight += method.inFlight;
    codes = addCodes(codes, method.codes);
    latency.add(method.latency);
  }
  return { ...total, codes, latency, ...shares(total.completed, codes, coveredMs) };
}

function shares(completed: number, codes: readonly CodeTally[], coveredMs: number) {
  let errors = 0;
  let faults = 0;
  for (const { code, count } of codes) {
    if (isError(code)) errors += count;
    if (FAULTS.has(code)) faults += count;
  }
  return {
    errors,
    faults,
    errorShare: completed === 0 ? 0 : errors / completed,
    rate: coveredMs === 0 ? 0 : (completed * 1000) / coveredMs,
  };
}
