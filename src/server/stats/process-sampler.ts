import { monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks';
import type { ProcessStats } from '../../shared/gen/memoryhub/v1/stats_service.ts';

/** How often the event loop is asked how late it is. Milliseconds. */
const RESOLUTION_MS = 10;

/** Processor, memory and event loop of this process, since the last drain. */
export class ProcessSampler {
  readonly #worker: number;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #gc: PerformanceObserver;
  #gcMs = 0;
  #cpu = process.cpuUsage();
  #loop = performance.eventLoopUtilization();
  #at = performance.now();

  /** @param worker number from 1; 0 for a server without workers and for their parent */
  constructor(worker = 0) {
    this.#worker = worker;
    this.#loopDelay.enable();
    this.#gc = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#gcMs += (entry as PerformanceEntry).duration;
    });
    this.#gc.observe({ entryTypes: ['gc'] });
  }

  drain(): ProcessStats {
    const now = performance.now();
    const elapsedMs = Math.max(now - this.#at, 0.001);
    const cpu = process.cpuUsage(this.#cpu);
    const loop = performance.eventLoopUtilization(this.#loop);
    const { rss, heapUsed, external } = process.memoryUsage();
    const stats: ProcessStats = {
      pid: process.pid,
      worker: this.#worker,
      cpu: (cpu.user + cpu.system) / 1000 / elapsedMs,
      rssBytes: BigInt(rss),
      heapUsedBytes: BigInt(heapUsed),
      externalBytes: BigInt(external),
      loopDelayP99Us: this.#loopDelayP99Us(),
      loopUtilization: loop.utilization,
      gcShare: Math.min(1, this.#gcMs / elapsedMs),
    };
    this.#at = now;
    this.#cpu = process.cpuUsage();
    this.#loop = performance.eventLoopUtilization();
    this.#gcMs = 0;
    this.#loopDelay.reset();
    return stats;
  }

  close(): void {
    this.#loopDelay.disable();
    this.#gc.disconnect();
  }

  /** Node measures the time between two of its own ticks: the delay is what exceeds the interval. */
  #loopDelayP99Us(): number {
    if (this.#loopDelay.count === 0) return 0;
    return Math.max(0, this.#loopDelay.percentile(99) / 1000 - RESOLUTION_MS * 1000);
  }
}
