import type { RedisConnection, RedisUsage } from './cache/redis-connection.ts';
import { emptiedText } from './cache/redis-emptied.ts';

const INTERVAL_MS = 1_000;

/** Looks once a second at what Redis holds, and tells when it was emptied. */
export class RedisWatch {
  readonly #timer: NodeJS.Timeout;
  #usage: RedisUsage | undefined;

  /** @param emptied told of a Redis that lost nearly all it held; undefined: another process tells */
  constructor(redis: RedisConnection, emptied: ((text: string) => void) | undefined) {
    this.#timer = setInterval(() => void this.#look(redis, emptied), INTERVAL_MS).unref();
  }

  /** As it was at the last look; undefined before the first. */
  get usage(): RedisUsage | undefined {
    return this.#usage;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Never rejects: of a Redis that does not answer the usage is zeros. */
  async #look(redis: RedisConnection, emptied: ((text: string) => void) | undefined): Promise<void> {
    const before = this.#usage;
    const now = await redis.usage();
    this.#usage = now;
    const text = before && redis.up ? emptiedText(before, now) : undefined;
    if (text !== undefined) emptied?.(text);
  }
}
