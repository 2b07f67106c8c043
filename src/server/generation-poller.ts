import type { AdminRepository, Generations } from './domain/admin-repository.ts';
import type { Clock } from './domain/call-context.ts';
import type { Micros } from './domain/memory.ts';

const INTERVAL_MS = 250;
/** A poll that takes longer is given up, and the next one begins. */
const TIMEOUT_MS = 1000;
/** Without an answered poll for this long the database counts as away. */
const AWAY_AFTER_MS = 2000;

/** A cache of which every process drops its copy when the number has moved on. */
export type GenerationName = 'storageInfo' | 'configuration' | 'sealing' | 'openedValues';

export interface PollListener {
  /** @param polledAt performance.now() when the poll was sent */
  polled(generations: Generations, polledAt: number): void;
  /** The database answers again, or does not any more. */
  databaseUp(up: boolean): void;
}

/**
 * Asks the primary four times a second what every process must know: the cache epochs, the
 * generations of the other caches, and what time it is. Whether it answers is also how this process
 * knows that the database is there.
 */
export class GenerationPoller implements Clock {
  readonly #repository: Pick<AdminRepository, 'pollGenerations'>;
  readonly #listeners: PollListener[] = [];
  /** Of the newest answered poll. */
  #generations: Generations | undefined;
  #lastPollAt = Number.NEGATIVE_INFINITY;
  /** Database time minus performance.now(), in microseconds. */
  #clockOffset: Micros = performance.timeOrigin * 1000;
  #up = false;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(repository: Pick<AdminRepository, 'pollGenerations'>) {
    this.#repository = repository;
  }

  /** performance.now() when the newest answered poll was sent; -Infinity before the first. */
  get lastPollAt(): number {
    return this.#lastPollAt;
  }

  get databaseIsUp(): boolean {
    return this.#up;
  }

  /** Newest known cache epoch of a workspace; 0 when it is not known yet. */
  epoch(workspaceId: number): number {
    return this.#generations?.epochs.get(workspaceId) ?? 0;
  }

  now(): Micros {
    return Math.round(performance.now() * 1000 + this.#clockOffset);
  }

  listen(listener: PollListener): void {
    this.#listeners.push(listener);
  }

  /** Calls back each time a generation has moved on since the poll before, from the newest one on. */
  onMoved(name: GenerationName, moved: () => void): void {
    let last = this.#generations?.[name];
    this.listen({
      polled: (generations) => {
        if (last !== undefined && generations[name] !== last) moved();
        last = generations[name];
      },
      databaseUp: () => {},
    });
  }

  /** Polls once, which must succeed, and then for ever. */
  async start(): Promise<void> {
    await this.#poll();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#poll()
        .catch(() => this.#checkAway())
        .finally(() => this.#schedule());
    }, INTERVAL_MS).unref();
  }

  async #poll(): Promise<void> {
    const polledAt = performance.now();
    const generations = await withTimeout(this.#repository.pollGenerations(), TIMEOUT_MS);
    const answeredAt = performance.now();
    if (this.#stopped) return;
    this.#generations = generations;
    this.#lastPollAt = polledAt;
    // The database read its clock between the two; half way is the best guess.
    this.#clockOffset = generations.now - ((polledAt + answeredAt) / 2) * 1000;
    for (const listener of this.#listeners) listener.polled(generations, polledAt);
    this.#setUp(true);
  }

  #checkAway(): void {
    if (performance.now() - this.#lastPollAt > AWAY_AFTER_MS) this.#setUp(false);
  }

  #setUp(up: boolean): void {
    if (up === this.#up || this.#stopped) return;
    this.#up = up;
    for (const listener of this.#listeners) listener.databaseUp(up);
  }
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the database did not answer in time')), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
