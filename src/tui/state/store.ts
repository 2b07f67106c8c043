import type { Event } from './event.ts';
import { reduce } from './reduce.ts';
import type { MonitorState } from './state.ts';

/** Holds the state; tells its listeners when it is another one. */
export class Store {
  #state: MonitorState;
  readonly #listeners = new Set<() => void>();

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
    for (const listener of this.#listeners) listener();
  }
}
