/** What this process knows of the cache epochs, polled from the primary database. */
export interface EpochSource {
  /** Newest known cache epoch of a workspace; 0 when it was not polled yet. */
  epoch(workspaceId: number): number;
  /** performance.now() when the newest answered poll was sent; -Infinity before the first. */
  readonly lastPollAt: number;
}

/** Served entries are at most this much behind a write that could not reach the store. */
export const MAX_POLL_AGE_MS = 1_000;

/**
 * Decides whether entries of a shared store may be served: only while the epochs are known to be
 * fresh, and, after this process bumped one itself, not before a later poll has brought it in, so
 * that a process reads its own writes even while Redis comes and goes.
 */
export class EpochTrust {
  readonly #epochs: EpochSource;
  #needsPollAfter = Number.NEGATIVE_INFINITY;

  constructor(epochs: EpochSource) {
    this.#epochs = epochs;
  }

  epoch(workspaceId: number): number {
    return this.#epochs.epoch(workspaceId);
  }

  holds(): boolean {
    const { lastPollAt } = this.#epochs;
    return lastPollAt > this.#needsPollAfter && lastPollAt > performance.now() - MAX_POLL_AGE_MS;
  }

  /** To be called after a bump has committed. */
  bumped(): void {
    this.#needsPollAfter = performance.now();
  }
}
