/** Joins callbacks to `for await`: what is pushed is yielded in order, until the queue is closed. */
export class EventQueue<T> implements AsyncIterable<T> {
  #waiting: T[] = [];
  #closed = false;
  #wake: () => void = () => {};

  push(item: T): void {
    if (this.#closed) return;
    this.#waiting.push(item);
    this.#wake();
  }

  /** What was pushed before is still yielded. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const batch = this.#waiting;
      this.#waiting = [];
      yield* batch;
      if (this.#waiting.length > 0) continue;
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
