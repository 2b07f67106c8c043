import type { EventKind, StatsEvent, StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../shared/histogram.ts';
import { emptyFrame, FRAME_LIMITS } from '../../shared/stats-merge.ts';
import { durationFromMs, timestampFromMs } from '../../shared/time.ts';
import type { StatementObserver } from '../domain/call-context.ts';
import type { CallRecorder } from '../rpc/call-observer.ts';
import { ClientTable } from './client-table.ts';
import { type GaugeFrame, GaugeSampler, type GaugeSources } from './gauges.ts';
import { drainHistogram, MethodCounters } from './method-counters.ts';
import { ProcessSampler } from './process-sampler.ts';
import { StatementTable } from './statement-table.ts';

/**
 * Everything this process counts, since the last drain. Sums since the start, of a second or of a
 * watcher's interval are made by adding up what is drained, so each event is counted once and
 * all sums agree. Of several processes each has one; their frames are joined.
 */
export class StatsRecorder implements CallRecorder, StatementObserver {
  readonly #clients = new ClientTable();
  readonly #statements = new StatementTable();
  readonly #acquire = new LatencyHistogram();
  readonly #redisCommand = new LatencyHistogram();
  readonly #seal = new LatencyHistogram();
  readonly #open = new LatencyHistogram();
  readonly #shed = new Map<string, number>();
  readonly #gauges: GaugeSampler;
  readonly #process: ProcessSampler;
  #methods: MethodCounters[] = [];
  #events: StatsEvent[] = [];
  #drainedAt = performance.now();

  /** @param worker see ProcessSampler */
  constructor(gauges: GaugeSources = {}, worker = 0) {
    this.#gauges = new GaugeSampler(gauges);
    this.#process = new ProcessSampler(worker);
  }

  methods(paths: readonly string[]): MethodCounters[] {
    const added = paths.map((path) => new MethodCounters(path.slice(1), this.#clients));
    this.#methods = [...this.#methods, ...added];
    return added;
  }

  statement(kind: string, startedAt: number, rows: number, failed: boolean): void {
    this.#statements.statement(kind, startedAt, rows, failed);
  }

  /** A database connection was got from the pool, asked for at `startedAt` (performance.now()). */
  acquired(startedAt: number): void {
    this.#acquire.record((performance.now() - startedAt) * 1000);
  }

  /** Redis answered, or failed to, what was sent at `startedAt` (performance.now()). */
  redisCommand(startedAt: number): void {
    this.#redisCommand.record((performance.now() - startedAt) * 1000);
  }

  /** A secret was sealed, or opened, in so many microseconds. */
  readonly sealTimes = {
    seal: (us: number) => this.#seal.record(us),
    open: (us: number) => this.#open.record(us),
  };

  shed(reason: string): void {
    this.#shed.set(reason, (this.#shed.get(reason) ?? 0) + 1);
  }

  /** @param text one sentence for operators, without content or secrets */
  event(kind: EventKind, text: string): void {
    this.#events.push({ at: timestampFromMs(Date.now()), kind, text });
    if (this.#events.length > FRAME_LIMITS.events) this.#events.shift();
  }

  /**
   * What happened since the last drain. The identity of the server, and sequence and merged of the
   * stream, are the hub's to fill in.
   */
  drain(): StatsFrame {
    const now = performance.now();
    const gauges = this.#gauges.drain();
    const { statements, query } = this.#statements.drain();
    const frame: StatsFrame = {
      ...emptyFrame(),
      at: timestampFromMs(Date.now()),
      covered: durationFromMs(now - this.#drainedAt),
      methods: this.#methods.map((method) => method.drain()).filter((stats) => stats !== undefined),
      clients: this.#clients.drain(),
      statements,
      tables: gauges.tables,
      postgres: gauges.postgres && { ...gauges.postgres, query, acquire: drainHistogram(this.#acquire) },
      redis: this.#redis(gauges),
      cache: gauges.cache,
      processes: [this.#process.drain()],
      connections: gauges.connections,
      seal: gauges.seal && { ...gauges.seal, seal: drainHistogram(this.#seal), open: drainHistogram(this.#open) },
      shed: Array.from(this.#shed, ([reason, count]) => ({ reason, count: BigInt(count) })),
      events: this.#events,
    };
    this.#drainedAt = now;
    this.#events = [];
    this.#shed.clear();
    return frame;
  }

  close(): void {
    this.#process.close();
  }

  #redis(gauges: GaugeFrame): StatsFrame['redis'] {
    return gauges.redis && { ...gauges.redis, command: drainHistogram(this.#redisCommand) };
  }
}
