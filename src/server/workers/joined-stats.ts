import { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame, joinFrame } from '../../shared/stats-merge.ts';
import type { StatsSource } from '../stats/hub.ts';

/** The shortest interval of a watcher: what is relayed less often would look like silence to it. */
const RELAY_INTERVAL_MS = 100;

/**
 * The statistics of all workers, in each of them: every worker sends what it counts to the parent,
 * which hands it to all. So whichever worker a monitor is connected to, it sees the whole server.
 */
export class JoinedStats implements StatsSource {
  readonly #own: StatsSource;
  readonly #send: (frame: Uint8Array) => void;
  /** What each worker counted since the last drain. */
  readonly #pending = new Map<number, StatsFrame>();
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
    const pending = this.#pending.get(worker);
    if (pending) appendFrame(pending, frame);
    else this.#pending.set(worker, frame);
  }

  drain(): StatsFrame {
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

  #relay(): void {
    this.#send(StatsFrame.encode(this.#own.drain()).finish());
  }
}
