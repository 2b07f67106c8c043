import { setTimeout as sleep } from 'node:timers/promises';
import type { EpochSource } from './epoch-trust.ts';

export interface UnknownCommitDelays {
  /** How long the database has to show that it answers. */
  readonly graceMs: number;
  /** Between attempts to bump, and between the two bumps. */
  readonly pauseMs: number;
}

const DELAYS: UnknownCommitDelays = { graceMs: 1_000, pauseMs: 2_000 };

/**
 * Writes whose caller got no certain answer: they may still commit. Their marks are left to stand,
 * MARK_TTL_MS from the write, which is enough as long as the database answers. When it does not (it
 * is stopped, or cut off with our COMMIT in its socket), the commit may come after the marks have
 * run out and just after somebody read the old row to fill it. So then the epoch is bumped once the
 * database is back, and again a little later, for a commit that the first bump overtook.
 */
export class UnknownCommits {
  readonly #epochs: EpochSource;
  readonly #bump: (workspaceId: number) => Promise<void>;
  readonly #delays: UnknownCommitDelays;
  readonly #watched = new Set<number>();
  readonly #stopping = new AbortController();

  /** @param bump bumps the cache epoch of a workspace in Postgres; may fail */
  constructor(epochs: EpochSource, bump: (workspaceId: number) => Promise<void>, delays: UnknownCommitDelays = DELAYS) {
    this.#epochs = epochs;
    this.#bump = bump;
    this.#delays = delays;
  }

  add(workspaceId: number): void {
    if (this.#watched.has(workspaceId) || this.#stopping.signal.aborted) return;
    this.#watched.add(workspaceId);
    this.#watch(workspaceId, performance.now())
      .catch(() => {}) // Only sleep() can reject here, when stopped.
      .finally(() => this.#watched.delete(workspaceId));
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #watch(workspaceId: number, since: number): Promise<void> {
    await this.#sleep(this.#delays.graceMs);
    if (this.#epochs.lastPollAt > since) return;
    for (let bumps = 0; bumps < 2; ) {
      const done = await this.#bump(workspaceId).then(
        () => true,
        () => false,
      );
      if (done) bumps++;
      if (bumps < 2) await this.#sleep(this.#delays.pauseMs);
    }
  }

  #sleep(ms: number): Promise<void> {
    return sleep(ms, undefined, { ref: false, signal: this.#stopping.signal });
  }
}
