import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { CachedMemoryRepository, type CacheOptions } from '../../../src/server/cache/cached-memory-repository.ts';
import type { EpochSource } from '../../../src/server/cache/epoch-trust.ts';
import { connectRedis, type RedisConnection } from '../../../src/server/cache/redis-connection.ts';
import type { RedisLink } from '../../../src/server/cache/redis-store.ts';
import { Consistency } from '../../../src/server/domain/memory.ts';
import type { MemoryRepository, WriteOutcome } from '../../../src/server/domain/repository.ts';
import { callOf, requestOf, save, textCodec } from './sample.ts';
import { Schedule } from './schedule.ts';
import { type ScriptedDatabase, ScriptedRepository } from './scripted-database.ts';

export const SILENT = { command: () => {}, lost: () => {}, back: () => {} };

/** A real link whose commands a test can stop, fail and count. Points: mget and step, :before and :after, by op. */
class GatedLink implements RedisLink {
  readonly commands: { readonly name: string; readonly keys: number }[] = [];
  readonly #link: RedisLink;
  readonly #schedule: Schedule;
  /** Set to play a Redis that was restarted. */
  runIdNow: string | undefined;

  constructor(link: RedisLink, schedule: Schedule) {
    this.#link = link;
    this.#schedule = schedule;
    this.runIdNow = link.runId;
  }

  get runId(): string | undefined {
    return this.runIdNow;
  }

  mget(keys: readonly string[]) {
    return this.#gated('mget', keys, () => this.#link.mget(keys));
  }

  step(keys: readonly string[], args: readonly (string | number | Buffer)[]) {
    return this.#gated(String(args[0]), keys, () => this.#link.step(keys, args));
  }

  async #gated<T>(name: string, keys: readonly string[], send: () => Promise<T>): Promise<T> {
    this.commands.push({ name, keys: keys.length });
    await this.#schedule.pass(`${name}:before`);
    const answer = await send();
    await this.#schedule.pass(`${name}:after`);
    return answer;
  }
}

/** Epochs as a process knows them: as they were when the test last polled. */
class ManualPolls implements EpochSource {
  #epochs = new Map<number, number>();
  #polledAt = 0;
  #goesOn = true;
  readonly #database: ScriptedDatabase;

  constructor(database: ScriptedDatabase) {
    this.#database = database;
    this.poll();
  }

  /** While polls go on they stay young, however slow the machine is; they bring news only by poll(). */
  get lastPollAt(): number {
    return this.#goesOn ? Math.max(this.#polledAt, performance.now() - 500) : this.#polledAt;
  }

  epoch(workspaceId: number): number {
    return this.#epochs.get(workspaceId) ?? 0;
  }

  poll(): void {
    this.#epochs = new Map(this.#database.epochs);
    this.#polledAt = performance.now();
    this.#goesOn = true;
  }

  /** No poll is answered any more; the last one was sent so many milliseconds ago. */
  stop(ageMs = 0): void {
    this.#polledAt = performance.now() - ageMs;
    this.#goesOn = false;
  }
}

/** One server process: its cached repository over a scripted database, and what a test can do to it. */
export class TestProcess {
  readonly schedule = new Schedule();
  readonly polls: ManualPolls;
  readonly inner: ScriptedRepository;
  readonly link: GatedLink | undefined;
  readonly repository: CachedMemoryRepository;
  /** Workspaces whose epoch was bumped through the function, after a commit. */
  readonly bumps: number[] = [];

  constructor(database: ScriptedDatabase, redis: { link: RedisLink; keyPrefix: string } | 'sole' | undefined) {
    this.polls = new ManualPolls(database);
    this.inner = new ScriptedRepository(database, this.schedule);
    this.link = typeof redis === 'object' ? new GatedLink(redis.link, this.schedule) : undefined;
    const options: CacheOptions = {
      codec: textCodec,
      epochs: this.polls,
      bumpCacheEpoch: async (workspaceId) => {
        await this.schedule.pass('bump:before');
        this.bumps.push(workspaceId);
        database.bump(workspaceId);
      },
      localMaxBytes: 1024 * 1024,
      ownership:
        redis === 'sole'
          ? 'sole'
          : {
              shared:
                this.link && typeof redis === 'object' ? { link: this.link, keyPrefix: redis.keyPrefix } : undefined,
            },
    };
    // Lists and the like pass through; schedules never call them.
    this.repository = new CachedMemoryRepository(this.inner as unknown as MemoryRepository, options);
  }

  async read(id: string, workspaceId = 1, consistency: Consistency = Consistency.READ_YOUR_WRITES) {
    const [record] = await this.repository.get(callOf(workspaceId), [id], consistency);
    return record?.memory.content;
  }

  write(id: string, content: string, workspaceId = 1): Promise<WriteOutcome> {
    return this.repository.write(callOf(workspaceId), requestOf(workspaceId, [save(id, content)]));
  }

  /** Reads until the background fill has happened: the next read would be a hit. */
  async warm(id: string, workspaceId = 1): Promise<void> {
    const before = this.repository.stats();
    for (let tries = 0; tries < 100; tries++) {
      await this.read(id, workspaceId);
      const { localHits, redisHits } = this.repository.stats();
      if (localHits + redisHits > before.localHits + before.redisHits) return;
      await new Promise(setImmediate);
    }
    throw new Error('the entry was never filled');
  }
}

/** A Redis as the tests see it: its link and a client of their own. */
export interface TestRedisAccess {
  readonly connection: RedisConnection;
  readonly client: Redis;
  readonly keyPrefix: string;
  key(id: string, workspaceId?: number): string;
  close(): void;
}

export async function openTestRedis(url: string): Promise<TestRedisAccess> {
  // Far above the server's 50 ms: a busy machine must not turn a schedule into an outage.
  const connection = await connectRedis(url, SILENT, { commandTimeoutMs: 10_000 });
  const client = new Redis(url);
  const keyPrefix = `test-${randomBytes(6).toString('hex')}`;
  return {
    connection,
    client,
    keyPrefix,
    key: (id, workspaceId = 1) => `${keyPrefix}:${workspaceId}:${connection.runId}:${id}`,
    close: () => {
      connection.close();
      client.disconnect();
    },
  };
}
