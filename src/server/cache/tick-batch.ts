/**
 * Gathers what is added during one turn of the event loop and hands it over in the turn's check
 * phase, after the sockets were read: calls that arrived together are served together, and nothing
 * waits when idle.
 */
export class TickBatch<Item> {
  readonly #flush: (items: Item[]) => void;
  #items: Item[] = [];

  /** @param flush must not throw */
  constructor(flush: (items: Item[]) => void) {
    this.#flush = flush;
  }

  add(item: Item): void {
    if (this.#items.push(item) === 1) setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const items = this.#items;
    this.#items = [];
    this.#flush(items);
  };
}
