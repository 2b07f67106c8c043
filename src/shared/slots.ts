/** Places that stay when none is in use any more. */
const KEPT_PLACES = 1_024;

/**
 * Things that come and go with every call, each in a slot of an array. A Set would do, but for V8: one that has seen
 * many items come and go moves to a new table, and the old one, kept for iterators, points to the new one and still
 * to what it had. One such table in the old generation keeps all that follow it, with all they ever held, until the
 * next full collection: with a Set here, a fifth of what each call makes outlived it.
 */
export class Slots<Item extends object> {
  readonly #items: (Item | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Slots there are, the empty ones too: what `forEach` looks at. */
  get places(): number {
    return this.#items.length;
  }

  /** @returns the slot, for `at` and `clear` */
  add(item: Item): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    return slot;
  }

  at(slot: number): Item | undefined {
    return this.#items[slot];
  }

  /** Empties a slot that is in use. */
  clear(slot: number): void {
    this.#items[slot] = undefined;
    this.#free.push(slot);
    if (this.#items.length < KEPT_PLACES || this.size > 0) return;
    this.#items.length = 0;
    this.#free.length = 0;
  }

  forEach(use: (item: Item) => void): void {
    for (const item of this.#items) if (item !== undefined) use(item);
  }
}
