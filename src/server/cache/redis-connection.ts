import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Breaker, type BreakerOptions } from './breaker.ts';
import type { RedisLink } from './redis-store.ts';
import { STEP_SCRIPT } from './step-script.ts';

/** Told about Redis: for statistics, events and the log. */
export interface RedisObserver {
  /** A command ended; `startedAt` is performance.now() when it was sent. */
  command(kind: 'mget' | 'step', startedAt: number, failed: boolean): void;
  /** It is not used any more. `reason` is one sentence. */
  lost(reason: string): void;
  /** It is used again. */
  back(): void;
}

export interface RedisOptions {
  /** A command that takes longer counts as failed. */
  readonly commandTimeoutMs?: number;
  /** How long connectRedis waits for the first answer. */
  readonly startTimeoutMs?: number;
  readonly breaker?: Partial<BreakerOptions>;
}

/** REDIS_URL cannot be right, however long Redis is waited for. */
export class RedisSettingError extends Error {
  override readonly name = 'RedisSettingError';
}

/** What Redis tells of itself; zeros when it does not answer. */
export interface RedisUsage {
  readonly usedBytes: number;
  /** Keys of the selected database. */
  readonly keys: number;
  /** 0: no limit. */
  readonly maxBytes: number;
  /** What the last look left there is still there. */
  readonly marked: boolean;
}

export const NO_USAGE: RedisUsage = { usedBytes: 0, keys: 0, maxBytes: 0, marked: false };

const COMMAND_TIMEOUT_MS = 50;
const START_TIMEOUT_MS = 1_000;
const MAX_RECONNECT_PAUSE_MS = 500;
/** Marks of servers that are gone end by themselves. */
const MARK_MS = 3_600_000;
const BREAKER: BreakerOptions = { failures: 3, windowMs: 1_000, minPauseMs: 100, maxPauseMs: 1_000 };

type RedisWithScript = Redis & {
  cacheStep(keyCount: number, ...args: (string | number | Buffer)[]): Promise<number[]>;
};

/**
 * One connection to Redis that is used only while it is known to work: a run id is there from the
 * first successful probe until the connection is lost or the breaker opens, and is read anew before
 * it is there again. No command ever waits for a connection.
 */
export class RedisConnection implements RedisLink {
  readonly #redis: RedisWithScript;
  readonly #observer: RedisObserver;
  readonly #breaker: Breaker;
  readonly #probeKey = `memory-hub-probe:${randomBytes(9).toString('base64url')}`;
  #runId: string | undefined;
  #wasUsed = false;
  #lastError: Error | undefined;
  #errors = 0;

  /** Use connectRedis. */
  constructor(redis: Redis, observer: RedisObserver, breaker: BreakerOptions) {
    redis.defineCommand('cacheStep', { lua: STEP_SCRIPT });
    this.#redis = redis as RedisWithScript;
    this.#observer = observer;
    this.#breaker = new Breaker(
      () => this.#probe(),
      (cause) => this.#opened(cause),
      breaker,
    );
    redis.on('ready', () => void this.#breaker.probeNow());
    redis.on('close', () => this.#breaker.open(this.#lastError ?? new Error('the connection was closed')));
    redis.on('error', (error: Error) => {
      this.#lastError = error;
    });
  }

  get runId(): string | undefined {
    return this.#runId;
  }

  get up(): boolean {
    return this.#runId !== undefined;
  }

  /** Commands that failed, since the start. */
  get errors(): number {
    return this.#errors;
  }

  /** The last thing that went wrong. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  mget(keys: readonly string[]): Promise<(Buffer | null)[]> {
    return this.#observed('mget', this.#redis.mgetBuffer(...keys));
  }

  step(keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<number[]> {
    return this.#observed('step', this.#redis.cacheStep(keys.length, ...keys, ...args));
  }

  /** @param mark a key that is left there, to be found at the next look */
  async usage(mark: string): Promise<RedisUsage> {
    if (!this.up) return NO_USAGE;
    try {
      const [memory, keys, marks] = await Promise.all([
        this.#redis.info('memory'),
        this.#redis.dbsize(),
        this.#redis.exists(mark),
      ]);
      // One that is full takes none: what it loses then is not told of.
      await this.#redis.set(mark, '', 'PX', MARK_MS).catch(() => undefined);
      const [usedBytes, maxBytes] = [infoNumber(memory, 'used_memory'), infoNumber(memory, 'maxmemory')];
      return { usedBytes, keys, maxBytes, marked: marks > 0 };
    } catch {
      return NO_USAGE;
    }
  }

  /** The first answer is no longer waited for: what comes later is news. */
  startWithout(address: string): void {
    this.#wasUsed = true;
    this.#observer.lost(
      `Redis at ${address} does not answer (${this.#lastError?.message ?? 'no answer'}): serving without it, from ` +
        'PostgreSQL. It is used as soon as it answers; if the address is wrong, correct REDIS_URL.',
    );
  }

  close(): void {
    this.#breaker.stop();
    this.#runId = undefined;
    this.#redis.disconnect();
  }

  async #observed<T>(kind: 'mget' | 'step', command: Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      const answer = await command;
      this.#observer.command(kind, startedAt, false);
      return answer;
    } catch (error) {
      this.#errors++;
      this.#observer.command(kind, startedAt, true);
      this.#lastError = error as Error;
      this.#breaker.failed(error as Error);
      throw error;
    }
  }

  /** Reads and writes: a read-only or full Redis answers reads, but cannot take a mark. */
  async #probe(): Promise<void> {
    try {
      const [info] = await Promise.all([
        this.#redis.info('server'),
        this.#redis.cacheStep(1, this.#probeKey, 'mark', 'probe', '', 1_000),
      ]);
      const runId = /^run_id:(\w+)/m.exec(info)?.[1];
      if (runId === undefined) throw new Error('INFO does not tell a run_id');
      this.#runId = runId;
    } catch (error) {
      this.#lastError = error as Error;
      // A dead peer, or a former primary: only a new connection finds out.
      if (this.#redis.status === 'ready') this.#redis.disconnect(true);
      throw error;
    }
    if (this.#wasUsed) this.#observer.back();
    this.#wasUsed = true;
  }

  #opened(cause: Error): void {
    this.#runId = undefined;
    this.#observer.lost(`Redis is not used: ${cause.message}`);
  }
}

/** Answers of a Redis that is there, and will not have us as we are configured. */
const REFUSALS = /^(WRONGPASS|NOAUTH|NOPERM|ERR (AUTH|invalid password|DB index|.*without any password))/i;

/**
 * Connects for the first time. A Redis that does not answer is an outage, to be lived with now as later:
 * the connection is used from its first answer on. What waiting cannot mend is refused.
 *
 * @param url redis:// or rediss://
 * @throws Error whose message names the address, without its password, and what is wrong with it
 */
export async function connectRedis(
  url: string,
  observer: RedisObserver,
  options: RedisOptions = {},
): Promise<RedisConnection> {
  const address = addressOf(url);
  // Most servers have no Redis, and need none of it in memory.
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, {
    lazyConnect: true,
    // Every reply shape we use is the same in both, and proxies and old servers know this one.
    protocol: 2,
    connectionName: 'memory-hub',
    commandTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 50, MAX_RECONNECT_PAUSE_MS),
  });
  const connection = new RedisConnection(redis, observer, { ...BREAKER, ...options.breaker });
  const giveUpAt = performance.now() + (options.startTimeoutMs ?? START_TIMEOUT_MS);
  redis.connect().catch(() => {}); // Its reason comes as an 'error' event, and it is tried again.
  while (!connection.up) {
    const why = connection.lastError?.message ?? '';
    if (REFUSALS.test(why)) {
      connection.close();
      throw new RedisSettingError(
        `Redis at ${address} refuses us (${why}). Correct REDIS_URL, or unset REDIS_URL to run without Redis.`,
      );
    }
    if (performance.now() >= giveUpAt) {
      connection.startWithout(address);
      break;
    }
    await sleep(10);
  }
  return connection;
}

function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw new RedisSettingError(
      'REDIS_URL is not an address of Redis: redis://HOST:PORT or rediss://HOST:PORT is allowed.',
    );
  }
  return `${parsed.protocol}//${parsed.hostname}:${parsed.port || '6379'}`;
}

function infoNumber(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
