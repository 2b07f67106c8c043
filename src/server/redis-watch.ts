import type { RedisConnection, RedisUsage } from './cache/redis-connection.ts';
import { emptiedText } from './cache/redis-emptied.ts';

const INTERVAL_MS = 1_000;

/** Looks once a second at what Redis holds, and tells when it was emptied. */
export class RedisWatch {
  readonly #timer: NodeJS.Timeout;
  #usage: RedisUsage | undefined;
  /** When it last answered: one that was away may come back empty. */
  #answered: RedisUsage | undefined;

  /**
   * @param mark a key of this process' own, which a Redis that is emptied loses
   * @param emptied told of a Redis that lost nearly all it held; undefined: another process tells
   */
  constructor(redis: RedisConnection, mark: string, emptied: ((text: string) => void) | undefined) {
    this.#timer = setInterval(() => void this.#look(redis, mark, emptied), INTERVAL_MS).unref();
  }

  /** As it was at the last look; undefined before the first. */
  get usage(): RedisUsage | undefined {
    return this.#usage;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects: of a Redis that does not answer the usage is zeros. */
  async #look(redis: RedisConnection, mark: string, emptied: ((text: string) => void) | undefined): Promise<void> {
    const now = await redis.usage(mark);
    this.#usage = now;
    if (now.usedBytes === 0) return;
    const text = this.#answered && emptiedText(this.#answered, now);
    this.#answered = now;
    if (text !== undefined) emptied?.(text);
  }
}
