import { LatencyHistogram } from '../histogram.ts';
import { isBulk } from '../method-name.ts';
import type { MethodStretch, Stretch } from './stretch.ts';

const OK = 0;
const CANCELLED = 1;
/** Codes that say the server failed, not the caller (OpenTelemetry's semantic conventions for RPC servers). */
const FAULTS = new Set([2, 4, 12, 13, 14, 15]);

/** One method, or several, over a window. */
export class CallTotals {
  readonly latency = new LatencyHistogram();
  completed = 0;
  errors = 0;
  faults = 0;
  inFlight = 0;

  add(method: MethodStretch): void {
    this.completed += Number(method.completed);
    for (const { code, count } of method.codes) {
      if (code !== OK && code !== CANCELLED) this.errors += Number(count);
      if (FAULTS.has(code)) this.faults += Number(count);
    }
    if (method.latency !== undefined) this.latency.addWire(method.latency);
  }

  addTotals(other: CallTotals): void {
    this.completed += other.completed;
    this.errors += other.errors;
    this.faults += other.faults;
    this.inFlight += other.inFlight;
    this.latency.add(other.latency);
  }
}

/** A window added up: histograms are merged, so its percentiles are those of all its calls. */
export class WindowTotals {
  readonly stretches: readonly Stretch[];
  readonly last: Stretch | undefined;
  readonly seconds: number;
  /** By short name; streams that move much or watch long are left out. */
  readonly methods = new Map<string, CallTotals>();
  #api: CallTotals | undefined;

  constructor(stretches: readonly Stretch[]) {
    this.stretches = stretches;
    this.last = stretches.at(-1);
    this.seconds = stretches.reduce((sum, { coveredMs }) => sum + coveredMs, 0) / 1000;
    for (const { methods } of stretches) for (const method of methods) this.#of(method.name).add(method);
    for (const { name, inFlight } of this.last?.methods ?? []) this.#of(name).inFlight = Number(inFlight);
  }

  /** All methods that answer a caller who waits. */
  get api(): CallTotals {
    if (this.#api === undefined) {
      this.#api = new CallTotals();
      for (const [name, totals] of this.methods) if (!isBulk(name)) this.#api.addTotals(totals);
    }
    return this.#api;
  }

  #of(name: string): CallTotals {
    let totals = this.methods.get(name);
    if (totals === undefined) {
      totals = new CallTotals();
      this.methods.set(name, totals);
    }
    return totals;
  }
}
