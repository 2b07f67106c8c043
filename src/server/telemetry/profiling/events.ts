import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** One line of the file, in milliseconds since the beginning. */
export type ProfileEvent =
  | { readonly event: 'gc'; readonly at_ms: number; readonly kind: string; readonly ms: number }
  | { readonly event: 'loop'; readonly at_ms: number; readonly max_delay_ms: number; readonly utilization: number };

interface GcDetail {
  readonly kind?: number;
}

const LOOP_STRETCH_MS = 100;
const RESOLUTION_MS = 10;

const GC_KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak callbacks'],
]);

/** Every garbage collection, and every tenth of a second how late the event loop was. */
export async function* pauseEvents(seconds: number, signal: AbortSignal): AsyncGenerator<string, void> {
  const startedAt = performance.now();
  const since = (at: number) => Math.round((at - startedAt) * 1000) / 1000;
  let pending: ProfileEvent[] = [];
  const observer = new PerformanceObserver((list) => {
    // The types of Node.js leave out what entries of this kind carry.
    for (const { startTime, duration, detail } of list.getEntries() as (PerformanceEntry & { detail?: GcDetail })[]) {
      const kind = GC_KINDS.get(detail?.kind ?? 0) ?? 'other';
      pending.push({ event: 'gc', at_ms: since(startTime), kind, ms: Math.round(duration * 1000) / 1000 });
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  try {
    let before = performance.eventLoopUtilization();
    while (performance.now() - startedAt < seconds * 1000) {
      await sleep(LOOP_STRETCH_MS, undefined, { signal });
      const { utilization } = performance.eventLoopUtilization(before);
      before = performance.eventLoopUtilization();
      const late = delay.count === 0 ? 0 : Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
      delay.reset();
      const max_delay_ms = Math.round(late * 1000) / 1000;
      pending.push({ event: 'loop', at_ms: since(performance.now()), max_delay_ms, utilization });
      yield pending.map((event) => `${JSON.stringify(event)}\n`).join('');
      pending = [];
    }
  } finally {
    observer.disconnect();
    delay.disable();
  }
}
