/**
 * What calls that came together may take of one turn of the event loop before the next ones are read: checking a
 * large batch takes milliseconds, and whoever is to be refused, or asks for health, would wait for all of them.
 */
const TURN_MS = 20;
/** Promises a call passes until it has handed in its work. */
const HOPS = 4;

/** Lets calls that came together begin over several turns of the event loop, in the order they came. */
export class CallTurns {
  /** Whether a call has begun in this turn, and until when others may. */
  #inTurn = false;
  #endsAt = 0;
  readonly #waiting: (() => void)[] = [];

  /** What a call that was let in waits for before it goes on; undefined: nothing. */
  next(): Promise<void> | undefined {
    if (!this.#inTurn) this.#begin();
    if (this.#waiting.length === 0 && performance.now() < this.#endsAt) return undefined;
    return new Promise((goOn) => this.#waiting.push(goOn));
  }

  #begin(): void {
    this.#inTurn = true;
    this.#endsAt = performance.now() + TURN_MS;
    setImmediate(() => {
      this.#inTurn = false;
      if (this.#waiting.length > 0) void this.#goOn();
    });
  }

  async #goOn(): Promise<void> {
    this.#begin();
    while (this.#waiting.length > 0 && performance.now() < this.#endsAt) {
      this.#waiting.shift()?.();
      // It does what it has to do without waiting, before the next one is looked at.
      for (let hop = 0; hop < HOPS; hop++) await undefined;
    }
  }
}
