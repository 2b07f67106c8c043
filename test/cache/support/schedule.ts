/** A place in a schedule where one arrival is held until the test lets it go on. */
export interface Gate {
  /** Resolves when somebody stands at the gate. */
  readonly reached: Promise<void>;
  open(): void;
}

/**
 * Makes races repeatable: code under test passes named points, and a test holds the next arrival at
 * a point, or makes it fail.
 */
export class Schedule {
  readonly #gates = new Map<string, { arrive: () => void; opened: Promise<void> }[]>();
  readonly #failures = new Map<string, Error[]>();

  hold(point: string): Gate {
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    const queue = this.#gates.get(point) ?? [];
    queue.push({ arrive: reached.resolve, opened: opened.promise });
    this.#gates.set(point, queue);
    return { reached: reached.promise, open: opened.resolve };
  }

  /** The next arrival at the point fails there. */
  fail(point: string, error = new Error(`failed at ${point}`)): void {
    this.#failures.set(point, [...(this.#failures.get(point) ?? []), error]);
  }

  async pass(point: string): Promise<void> {
    const gate = this.#gates.get(point)?.shift();
    if (gate !== undefined) {
      gate.arrive();
      await gate.opened;
    }
    const failure = this.#failures.get(point)?.shift();
    if (failure !== undefined) throw failure;
  }
}
