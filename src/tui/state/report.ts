import { CODE_NAMES } from '../../shared/rpc-error.ts';
import { type MonitorState, shownEndMs, shownSlot, shownSlots } from './state.ts';
import { type Summary, summarize } from './summary.ts';

/** What one method did, in numbers for programs. Latencies in milliseconds; null where no call ended. */
export interface MethodReport {
  /** Calls that ended in the window. */
  readonly count: number;
  /** Of them a second. */
  readonly rate: number;
  /** Calls that ended in this frame alone: these may be added up over frames. */
  readonly frame_count: number;
  readonly started: number;
  readonly in_flight: number;
  readonly errors: number;
  /** Errors of the calls that ended, 0..1. */
  readonly error_rate: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** One object of `--json`. */
export type Report = ReturnType<typeof reportOf>;

/** The window that ends with the last frame. Names and units are part of the program's interface. */
export function reportOf(state: MonitorState) {
  const slot = shownSlot(state);
  const slots = shownSlots(state);
  const { total, methods, coveredMs } = summarize(slots);
  const last = summarize(slots.slice(-1)).methods;
  const framed = (name: string) => last.find((method) => method.name === name)?.completed ?? 0;
  return {
    at: new Date(shownEndMs(state)).toISOString(),
    state: state.connection.phase,
    target: state.target,
    replica: slot?.replica ?? '',
    version: slot?.version ?? '',
    boot_id: slot?.bootId ?? '',
    uptime_s: slot === undefined ? null : round((slot.endMs - slot.bootMs) / 1000),
    restarts: state.restarts,
    frame: slot?.sequence ?? 0,
    merged: slot?.merged ?? 0,
    lag_ms: state.lagMs === undefined ? null : round(state.lagMs),
    interval_s: state.view.intervalMs / 1000,
    window_s: state.view.windowMs / 1000,
    covered_s: round(coveredMs / 1000),
    total: methodReport(
      total,
      last.reduce((sum, { completed }) => sum + completed, 0),
    ),
    methods: Object.fromEntries(methods.map((method) => [method.name, methodReport(method, framed(method.name))])),
    postgres: slot?.gauges.postgres && {
      up: slot.gauges.postgres.up,
      pool_busy: slot.gauges.postgres.poolBusy,
      pool_size: slot.gauges.postgres.poolSize,
      pool_max: slot.gauges.postgres.poolMax,
      pool_waiting: slot.gauges.postgres.poolWaiting,
    },
    redis: slot?.gauges.redis && { up: slot.gauges.redis.up, used_bytes: slot.gauges.redis.usedBytes },
    processes: (slot?.gauges.processes ?? []).map(({ pid, worker, cpu, rssBytes, heapUsedBytes, loopDelayP99Us }) => ({
      pid,
      worker,
      cpu: round(cpu),
      rss_bytes: rssBytes,
      heap_used_bytes: heapUsedBytes,
      loop_delay_p99_ms: round(loopDelayP99Us / 1000),
    })),
    connections: slot?.gauges.connections?.connections ?? 0,
    streams: slot?.gauges.connections?.streams ?? 0,
  };
}

function methodReport(summary: Summary, frameCount: number): MethodReport {
  const { completed, rate, started, inFlight, errors, errorShare, codes, latency } = summary;
  const ms = (us: number) => (latency.count === 0 ? null : round(us / 1000));
  return {
    count: completed,
    rate: round(rate),
    frame_count: frameCount,
    started,
    in_flight: inFlight,
    errors,
    error_rate: round(errorShare),
    codes: Object.fromEntries(codes.map(({ code, count }) => [CODE_NAMES[code] ?? `CODE_${code}`, count])),
    p50: ms(latency.percentile(0.5)),
    p95: ms(latency.percentile(0.95)),
    p99: ms(latency.percentile(0.99)),
    max: ms(latency.max),
  };
}

/** To a thousandth. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
