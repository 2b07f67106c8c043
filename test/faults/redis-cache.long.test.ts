import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CachedMemoryRepository } from '../../src/server/cache/cached-memory-repository.ts';
import { connectRedis, type RedisConnection } from '../../src/server/cache/redis-connection.ts';
import { Consistency } from '../../src/server/domain/memory.ts';
import { GenerationPoller } from '../../src/server/generation-poller.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import { SILENT } from '../cache/support/process.ts';
import { callIn } from '../contract/fixtures.ts';
import { newWorkspace, testRepository } from '../repository/support/repository.ts';
import { redisSuite } from '../support/redis.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { CacheLoad, type LoadReport } from './support/cache-load.ts';

const MEMORIES = 12;
const WORKERS_PER_PROCESS = 4;
const WRITE_SHARE = 0.2;
const RUN_MS = 8_000;
/** What the contract promises while Redis is cut off. */
const STALE_AT_MOST_MS = 1_000;

/** Two processes' worth of caches on one Postgres and one Redis, under load. */
redisSuite('two caches under load', () => {
  const subject = testRepository();
  let server: RedisServer;
  let admin: Redis;
  const pollers: GenerationPoller[] = [];

  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url, { retryStrategy: () => 50 });
    admin.on('error', () => {});
  });
  afterAll(async () => {
    for (const poller of pollers) poller.stop();
    admin.disconnect();
    await server.stop();
  });

  /** Runs the load while `trouble` does its worst, and compares with Postgres in the end. */
  async function underLoad(commandTimeoutMs: number | undefined, trouble: () => Promise<void>): Promise<LoadReport> {
    const keyPrefix = randomBytes(6).toString('hex');
    const links: RedisConnection[] = [];
    const caches: CachedMemoryRepository[] = [];
    const adminRepository = createAdminRepository(subject().database);
    const workspaceId = await newWorkspace(subject().database);
    for (let process = 0; process < 2; process++) {
      const link = await connectRedis(server.url, SILENT, commandTimeoutMs === undefined ? {} : { commandTimeoutMs });
      const epochs = new GenerationPoller(adminRepository);
      await epochs.start();
      links.push(link);
      pollers.push(epochs);
      caches.push(
        new CachedMemoryRepository(subject().another(), {
          codec: protoCodec,
          epochs,
          bumpCacheEpoch: (id) => adminRepository.bumpCacheEpoch(id),
          localMaxBytes: 1024 * 1024,
          ownership: { shared: { link, keyPrefix } },
        }),
      );
    }
    const ids = Array.from({ length: MEMORIES }, () => randomUUID());
    const load = new CacheLoad(caches, workspaceId, ids);
    const running = load.run(WORKERS_PER_PROCESS, WRITE_SHARE);
    const end = performance.now() + RUN_MS;
    while (performance.now() < end) await trouble();
    load.stop();
    const report = await running;

    await vi.waitFor(() => expect(links.every(({ up }) => up)).toBe(true), { timeout: 10_000 });
    await sleep(STALE_AT_MOST_MS);
    const hits = caches.map((cache) => cache.stats().redisHits);
    for (const cache of caches) {
      for (let round = 0; round < 3; round++) {
        const read = await cache.get(callIn(workspaceId), ids, Consistency.READ_YOUR_WRITES);
        const stored = await subject().repository.get(callIn(workspaceId), ids, Consistency.STRONG);
        expect(read.map((record) => record?.changeNo)).toEqual(stored.map((record) => record?.changeNo));
      }
      cache.close();
    }
    for (const link of links) link.close();
    console.info(`${report.reads} reads, ${report.writes} writes, hits ${hits}, stale ${report.staleMs.length}`);
    expect(report.reads).toBeGreaterThan(1_000);
    expect(report.writes).toBeGreaterThan(200);
    expect(Math.min(...hits)).toBeGreaterThan(0);
    return report;
  }

  it('give no stale read in peace', async () => {
    const report = await underLoad(10_000, () => sleep(100));
    expect(report.staleMs).toEqual([]);
  });

  it('give no stale read while Redis is flushed every 15 ms', async () => {
    const report = await underLoad(10_000, async () => {
      await sleep(15);
      await admin.flushall();
    });
    expect(report.staleMs).toEqual([]);
  });

  it('are at most a second behind while Redis is killed and started, and a process never behind itself', async () => {
    const report = await underLoad(undefined, async () => {
      await sleep(500);
      await server.kill();
      await sleep(300);
      await server.start();
    });
    expect(Math.max(0, ...report.staleMs)).toBeLessThan(STALE_AT_MOST_MS);
    expect(report.ownStale).toBe(0);
  });

  it('are at most a second behind while Redis stops answering again and again', async () => {
    const report = await underLoad(undefined, async () => {
      await sleep(700);
      server.pause();
      await sleep(400);
      server.resume();
    });
    expect(Math.max(0, ...report.staleMs)).toBeLessThan(STALE_AT_MOST_MS);
    expect(report.ownStale).toBe(0);
  });
});
