import type { Event } from './event.ts';
import { reduce } from './reduce.ts';
import type { MonitorState } from './state.ts';

/** Frames of the past come by the hundred: they are drawn together, this long after the first. Milliseconds. */
const FRAME_DELAY_MS = 40;

/** Holds the state; tells its listeners when it is another one: at once after a key, soon after a frame. */
export class Store {
  #state: MonitorState;
  readonly #listeners = new Set<() => void>();
  #pending: NodeJS.Timeout | undefined;

  constructor(initial: MonitorState) {
    this.#state = initial;
  }

  readonly state = (): MonitorState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  dispatch(event: Event): void {
    const next = reduce(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    if (event.kind === 'frame' || event.kind === 'connection') {
      this.#pending ??= setTimeout(() => this.#notify(), FRAME_DELAY_MS);
    } else {
      this.#notify();
    }
  }

  #notify(): void {
    clearTimeout(this.#pending);
    this.#pending = undefined;
    for (const listener of this.#listeners) listener();
  }
}
