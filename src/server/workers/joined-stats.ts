import { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame, joinFrame } from '../../shared/stats-merge.ts';
import type { StatsSource } from '../stats/hub.ts';

/** The shortest interval of a watcher: what is relayed less often would look like silence to it. */
const RELAY_INTERVAL_MS = 100;
/** A worker that is silent for so long has ended, and is not waited for. */
const GONE_AFTER_MS = 1000;

/**
 * The statistics of all workers, in each of them: every worker sends what it counts to the parent,
 * which hands it to all. So whichever worker a monitor is connected to, it sees the whole server.
 */
export class JoinedStats implements StatsSource {
  readonly #own: StatsSource;
  readonly #send: (frame: Uint8Array) => void;
  /** What all workers counted before this one was among those who are told. */
  before: StatsFrame | undefined;
  /** What each worker counted since the last drain. */
  readonly #pending = new Map<number, StatsFrame>();
  /** When each worker was last heard of, performance.now(). */
  readonly #heardAt = new Map<number, number>();
  readonly #timer: NodeJS.Timeout;

  /** @param send hands a frame of this worker to the parent */
  constructor(own: StatsSource, send: (frame: Uint8Array) => void) {
    this.#own = own;
    this.#send = send;
    this.#timer = setInterval(() => this.#relay(), RELAY_INTERVAL_MS).unref();
  }

  /** A frame of any worker arrived from the parent. */
  received(worker: number, bytes: Uint8Array): void {
    const frame = StatsFrame.decode(bytes);
    // The parent tells of its workers now and then, and has no process that serves.
    if (frame.processes.length > 0) this.#heardAt.set(worker, performance.now());
    const pending = this.#pending.get(worker);
    if (pending) appendFrame(pending, frame);
    else this.#pending.set(worker, frame);
  }

  /** Nothing while a worker's part is still on its way: a pool of which half is missing would look halved. */
  drain(): StatsFrame | undefined {
    if (this.#heardAt.size === 0 || !this.#isComplete()) return undefined;
    const joined = emptyFrame();
    let isFirst = true;
    for (const frame of this.#pending.values()) {
      if (isFirst) appendFrame(joined, frame);
      else joinFrame(joined, frame);
      isFirst = false;
    }
    this.#pending.clear();
    return joined;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #isComplete(): boolean {
    const now = performance.now();
    for (const [worker, heardAt] of this.#heardAt) {
      if (now - heardAt > GONE_AFTER_MS) this.#heardAt.delete(worker);
      else if (!this.#pending.has(worker)) return false;
    }
    return true;
  }

  #relay(): void {
    const frame = this.#own.drain();
    if (frame) this.#send(StatsFrame.encode(frame).finish());
  }
}
