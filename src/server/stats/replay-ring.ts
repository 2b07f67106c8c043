import { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { encodeFrame } from './frame-bytes.ts';

/**
 * The last frames of one second each, complete and encoded: as objects a busy minute would take
 * ten times the memory, and they are read only when a watcher comes.
 */
export class ReplayRing {
  readonly #capacity: number;
  readonly #frames: Uint8Array[] = [];

  /** @param capacity frames kept */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(frame: StatsFrame): void {
    this.#frames.push(encodeFrame(frame));
    if (this.#frames.length > this.#capacity) this.#frames.shift();
  }

  /** The newest frames, oldest first; decoded one by one as they are asked for. */
  last(count: number): Iterable<StatsFrame> {
    // A copy: frames pushed while a slow reader takes these are not among them.
    return decodeEach(count > 0 ? this.#frames.slice(-count) : []);
  }
}

function* decodeEach(frames: readonly Uint8Array[]): Generator<StatsFrame, void, undefined> {
  for (const frame of frames) yield StatsFrame.decode(frame);
}
