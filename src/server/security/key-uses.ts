import type { AdminRepository } from '../domain/admin-repository.ts';

/** How often uses are written; the promise is "to the minute". */
const INTERVAL_MS = 60_000;

/**
 * When keys were last used, kept in memory and written once a minute with one statement, so that a call
 * never waits for it and a key's row changes at most once a minute. Holds no more entries than there are
 * keys, since only verified ones get here.
 */
export class KeyUses {
  readonly #repository: Pick<AdminRepository, 'recordKeyUses'>;
  readonly #onError: (error: unknown) => void;
  /** performance.now() by key id. */
  readonly #usedAt = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(repository: Pick<AdminRepository, 'recordKeyUses'>, onError: (error: unknown) => void) {
    this.#repository = repository;
    this.#onError = onError;
  }

  note(keyId: string): void {
    this.#usedAt.set(keyId, performance.now());
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.flush(), INTERVAL_MS).unref();
  }

  /** Writes what was noted. What cannot be written is kept for the next time. Never rejects. */
  async flush(): Promise<void> {
    const noted = [...this.#usedAt];
    if (noted.length === 0) return;
    const now = performance.now();
    try {
      await this.#repository.recordKeyUses(noted.map(([id, usedAt]) => ({ id, agoMs: now - usedAt })));
      for (const [id, usedAt] of noted) if (this.#usedAt.get(id) === usedAt) this.#usedAt.delete(id);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Writes what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}
