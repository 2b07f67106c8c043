/** How waiting times grow between attempts. */
export interface BackoffOptions {
  /** The first wait. Milliseconds. */
  readonly initialMs: number;
  /** What each wait is multiplied by to give the next, >= 1. */
  readonly factor: number;
  /** The longest wait, jitter included. Milliseconds. */
  readonly maxMs: number;
  /** Share, 0..1, by which a wait may be shorter or longer, so that many callers do not return at once. */
  readonly jitter: number;
}

/** The monitor's and the client's: gRPC's connection back-off, with a cap a person can wait for. */
export const RECONNECT: BackoffOptions = { initialMs: 500, factor: 1.6, maxMs: 10_000, jitter: 0.2 };

/** Exponential waiting times with jitter. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #attempts = 0;

  /** @param random 0..1, for tests */
  constructor(options: BackoffOptions = RECONNECT, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
  }

  /** Attempts since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const { initialMs, factor, maxMs, jitter } = this.#options;
    const wait = Math.min(initialMs * factor ** this.#attempts, maxMs);
    this.#attempts++;
    return Math.min(wait * (1 + jitter * (2 * this.#random() - 1)), maxMs);
  }

  /** To be called when an attempt succeeded. */
  reset(): void {
    this.#attempts = 0;
  }
}
