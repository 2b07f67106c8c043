import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventKind, StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame, joinFrame } from '../../shared/stats-merge.ts';
import { timestampFromMs } from '../../shared/time.ts';
import type { Boot, RunningServer } from '../compose.ts';
import type { Config } from '../config.ts';
import { StartError } from '../foreseen.ts';
import { programBeside, programEnvironment } from '../programs.ts';
import type { Logging } from '../telemetry/logger.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { ToldOnce } from './told-once.ts';
import { WorkersMetrics } from './workers-metrics.ts';

/** A worker that dies at once is not replaced more often than this. */
const RESTART_PAUSE_MS = 500;
/** Beyond the grace they were given, workers that do not end are killed. */
const KILL_AFTER_MS = 5_000;
/**
 * Over what this process was started with: the compilers that their parent leaves out, and a young generation (see
 * heap.ts) that halves with each further worker, from the 16 MB of a single process down to 2, for what is fast in one
 * must not be paid for many times. Of two workers a cached read took a fifth less of the processor with 8 than with 2.
 */
export function workerFlags(workers: number): string[] {
  return [`--max-semi-space-size=${Math.max(2, Math.floor(16 / 2 ** (workers - 1)))}`, '--turbofan', '--maglev'];
}
const WORKER = programBeside(import.meta, { source: 'worker.ts', bundle: 'worker.mjs' });
/** The parent's own number: it counts nothing, but tells of its workers. */
const PARENT = 0;

export interface WorkersOptions {
  readonly config: Config;
  readonly boot: Boot;
  readonly databaseUrl: string;
  readonly logging: Logging;
}

/**
 * Serves with several processes on one port, each of them the whole server but for the database and
 * its schema, which are there already. Connections go round the workers; one that dies is replaced.
 *
 * @throws Error with what the first worker could not do
 */
export async function startWorkers(options: WorkersOptions): Promise<RunningServer> {
  const parent = new WorkersParent(options);
  return parent.start();
}

class WorkersParent {
  readonly #options: WorkersOptions;
  readonly #workers = new Map<number, Worker>();
  /** Those who are told what the others count. */
  readonly #told = new Set<Worker>();
  /** What each worker, with those it replaced, counted since the start. */
  readonly #totals = new Map<number, StatsFrame>();
  readonly #toldOnce = new ToldOnce();
  #metrics: WorkersMetrics | undefined;
  #stopping = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
    const execArgv = [...process.execArgv, ...workerFlags(options.config.workers)];
    cluster.setupPrimary({ exec: WORKER, execArgv, serialization: 'advanced' });
  }

  async start(): Promise<RunningServer> {
    const { config, boot, logging } = this.#options;
    const numbers = Array.from({ length: config.workers }, (_, index) => index + 1);
    try {
      this.#metrics = await WorkersMetrics.open(config, boot, logging);
      const [first] = await Promise.all(numbers.map((number) => this.#fork(number)));
      if (!first) throw new Error('there are no workers');
      this.#metrics?.servesAt(first.port);
      return { ...first, stop: (graceMs) => this.#stop(graceMs) };
    } catch (error) {
      await this.#stop(0);
      throw error;
    }
  }

  /** Resolves once the worker serves. */
  #fork(number: number): Promise<{ host: string; port: number }> {
    const { config, boot, databaseUrl } = this.#options;
    const worker = cluster.fork(programEnvironment(WORKER));
    this.#workers.set(number, worker);
    closeUntakenConnection(worker);
    return new Promise((resolve, reject) => {
      let isServing = false;
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'stats') this.#broadcast(number, message.frame);
        else if (message.kind === 'failed') reject(new (message.foreseen ? StartError : Error)(message.message));
        else {
          isServing = true;
          resolve({ host: message.host, port: message.port });
        }
      });
      worker.once('exit', (code, signal) => {
        this.#workers.delete(number);
        this.#told.delete(worker);
        if (isServing) void this.#replace(number, worker.process.pid ?? 0, signal ?? String(code));
        else reject(new Error(`worker ${number} ended before it served (${signal ?? code})`));
      });
      send(worker, { kind: 'totals', frame: this.#allTotals() });
      this.#told.add(worker);
      send(worker, { kind: 'start', worker: number, config, boot, databaseUrl });
    });
  }

  async #replace(number: number, pid: number, how: string): Promise<void> {
    const { log } = this.#options.logging;
    while (!this.#stopping) {
      const text = `worker ${number} (pid ${pid}) ended (${how}) and is replaced`;
      log.error(text);
      await sleep(RESTART_PAUSE_MS);
      if (this.#stopping) return;
      try {
        await this.#fork(number);
        this.#tellOf(text);
        return;
      } catch (error) {
        log.error({ err: error }, `worker ${number} could not be replaced; it is tried again`);
      }
    }
  }

  #tellOf(text: string): void {
    const at = timestampFromMs(Date.now());
    const frame: StatsFrame = { ...emptyFrame(), at, events: [{ at, kind: EventKind.WORKER_RESTARTED, text }] };
    this.#broadcast(PARENT, StatsFrame.encode(frame).finish());
  }

  #broadcast(from: number, encoded: Uint8Array): void {
    const counted = StatsFrame.decode(encoded);
    const news = this.#toldOnce.news(from, counted.events);
    const frame =
      news.length === counted.events.length ? encoded : StatsFrame.encode({ ...counted, events: news }).finish();
    const totals = this.#totals.get(from) ?? emptyFrame();
    appendFrame(totals, { ...counted, events: news });
    this.#totals.set(from, totals);
    for (const worker of this.#told) send(worker, { kind: 'stats', worker: from, frame });
    this.#metrics?.received(from, { ...counted, events: news });
  }

  #allTotals(): Uint8Array {
    const joined = emptyFrame();
    for (const totals of this.#totals.values()) joinFrame(joined, totals);
    return StatsFrame.encode(joined).finish();
  }

  async #stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const ended = [...this.#workers.values()].map((worker) => {
      send(worker, { kind: 'stop', graceMs });
      const killer = setTimeout(() => worker.process.kill('SIGKILL'), graceMs + KILL_AFTER_MS);
      return new Promise<void>((resolve) => {
        worker.once('exit', () => {
          clearTimeout(killer);
          resolve();
        });
      });
    });
    await Promise.all(ended);
    await this.#metrics?.close();
  }
}

/**
 * A connection is handed to a worker and forgotten here once the worker has taken it, one at a time. A worker that
 * is killed in between takes none, and the cluster module keeps the connection open for ever: its caller would wait
 * for an answer until its own patience ends. Closed, it is made again, to a worker that lives. Closing twice is
 * harmless.
 */
function closeUntakenConnection(worker: Worker): void {
  const child = worker.process;
  const handOver = child.send;
  let handed: { close(): void } | undefined;
  child.send = (...sent: unknown[]) => {
    // Messages of our own have a function in this place.
    if (typeof sent[1] === 'object' && sent[1] !== null) handed = sent[1] as { close(): void };
    return Reflect.apply(handOver, child, sent);
  };
  worker.once('exit', () => handed?.close());
}

function send(worker: Worker, message: ToWorker): void {
  // One that is just ending takes nothing more, and needs nothing more.
  if (worker.isConnected()) worker.send(message, () => {});
}
