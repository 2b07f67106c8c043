import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame } from '../../shared/stats-merge.ts';
import type { Selection } from './selection.ts';
import { type FrameEncoder, SharedFrame, type Watcher } from './watcher.ts';

/** All watchers that asked for the same: their frames are built and encoded once. */
export class WatchClass {
  readonly intervalMs: number;
  readonly selection: Selection;
  readonly watchers = new Set<Watcher>();
  readonly #encode: FrameEncoder;
  #open = emptyFrame();

  constructor(intervalMs: number, selection: Selection, encode: FrameEncoder) {
    this.intervalMs = intervalMs;
    this.selection = selection;
    this.#encode = encode;
  }

  /** Adds what happened to the stretch under way. */
  ingest(delta: StatsFrame): void {
    const selected = this.selection.of(delta);
    appendFrame(this.#open, selected);
    for (const watcher of this.watchers) watcher.ingest(selected);
  }

  /** Ends the stretch and offers its frame to every watcher, unless none of its numbers have arrived yet. */
  tick(): void {
    if (this.#open.covered === undefined) return;
    const shared = new SharedFrame({ ...this.#open, merged: 1 }, this.#encode);
    this.#open = emptyFrame();
    for (const watcher of this.watchers) watcher.offer(shared);
  }
}
