import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame, joinFrame } from '../../shared/stats-merge.ts';
import type { StatsSource } from '../stats/hub.ts';

/** A worker that is silent for so long has ended, and is not waited for. */
const GONE_AFTER_MS = 1000;

/**
 * The statistics of all workers: each sends what it counts to the parent, which hands it to all. So
 * whichever worker a monitor is connected to, it sees the whole server.
 */
export class JoinedStats implements StatsSource {
  /** What all workers counted before this process was told of it. */
  before: StatsFrame | undefined;
  /** What each worker counted since the last drain. */
  readonly #pending = new Map<number, StatsFrame>();
  /** When each worker was last heard of, performance.now(). */
  readonly #heardAt = new Map<number, number>();

  /** @param frame what a worker counted since the one before; kept */
  received(worker: number, frame: StatsFrame): void {
    // The parent tells of its workers now and then, and has no process that serves.
    if (frame.processes.length > 0) this.#heardAt.set(worker, performance.now());
    const pending = this.#pending.get(worker);
    if (pending) appendFrame(pending, frame);
    else this.#pending.set(worker, frame);
  }

  /** The workers have ended: what the last of them said stands for itself. */
  ended(): void {
    this.#heardAt.clear();
  }

  /** Nothing while a worker's part is still on its way: a pool of which half is missing would look halved. */
  drain(): StatsFrame | undefined {
    if (this.#pending.size === 0 || !this.#isComplete()) return undefined;
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

  #isComplete(): boolean {
    const now = performance.now();
    for (const [worker, heardAt] of this.#heardAt) {
      if (now - heardAt > GONE_AFTER_MS) this.#heardAt.delete(worker);
      else if (!this.#pending.has(worker)) return false;
    }
    return true;
  }
}
