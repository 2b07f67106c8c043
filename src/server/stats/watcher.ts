import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame } from '../../shared/stats-merge.ts';

/** Bytes of a frame. */
export type FrameEncoder = (frame: StatsFrame) => Uint8Array;

/** The frame of one tick of a class: all its watchers share it, and it is encoded when first sent. */
export class SharedFrame {
  readonly frame: StatsFrame;
  readonly #encode: FrameEncoder;
  #bytes: Uint8Array | undefined;

  constructor(frame: StatsFrame, encode: FrameEncoder) {
    this.frame = frame;
    this.#encode = encode;
  }

  get bytes(): Uint8Array {
    this.#bytes ??= this.#encode(this.frame);
    return this.#bytes;
  }
}

/**
 * One reader of a class. It holds at most one frame: the class's own, or, when that was not taken
 * before the next came, one of its own to which all since are added. So a reader that never reads
 * costs one frame, and one that reads late misses nothing.
 */
export class Watcher {
  readonly #encode: FrameEncoder;
  /** Of the class's stretch under way, what happened after this watcher came; until its first tick. */
  #joining: StatsFrame | undefined = emptyFrame();
  #pending: SharedFrame | undefined;
  /** Whether `pending` is this watcher's alone and may be added to. */
  #owned = false;
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(encode: FrameEncoder) {
    this.#encode = encode;
  }

  /** Something happened in the stretch under way. Only until the first tick. */
  ingest(delta: StatsFrame): void {
    if (this.#joining !== undefined) appendFrame(this.#joining, delta);
  }

  /** The class's stretch ended with this frame. */
  offer(shared: SharedFrame): void {
    let next = shared;
    if (this.#joining !== undefined) {
      // Nothing was counted yet since it came: there is nobody of whom a frame could tell.
      if (this.#joining.covered === undefined) return;
      next = new SharedFrame({ ...this.#joining, merged: 1 }, this.#encode);
      this.#joining = undefined;
    }
    if (this.#pending === undefined) {
      this.#pending = next;
      this.#owned = false;
    } else {
      this.#merge(next.frame);
    }
    this.#wakeUp();
  }

  /** The next frame's bytes, as soon as there is one; undefined when the watcher was ended. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#pending === undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const bytes = this.#pending?.bytes;
    this.#pending = undefined;
    return bytes;
  }

  /** What is pending can still be taken; nothing comes after it. */
  end(): void {
    this.#ended = true;
    this.#wakeUp();
  }

  #merge(frame: StatsFrame): void {
    if (!this.#owned) {
      const own = emptyFrame();
      if (this.#pending !== undefined) appendFrame(own, this.#pending.frame);
      this.#pending = new SharedFrame(own, this.#encode);
      this.#owned = true;
    }
    if (this.#pending !== undefined) appendFrame(this.#pending.frame, frame);
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
