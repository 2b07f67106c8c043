import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CachedMemoryRepository } from '../../src/server/cache/cached-memory-repository.ts';
import { connectRedis, type RedisConnection } from '../../src/server/cache/redis-connection.ts';
import { Consistency } from '../../src/server/domain/memory.ts';
import type { MemoryRepository } from '../../src/server/domain/repository.ts';
import { GenerationPoller } from '../../src/server/generation-poller.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import { Hub, save } from '../contract/fixtures.ts';
import { memoryRepositoryContract } from '../contract/memory-repository.ts';
import { newWorkspace, testRepository } from '../repository/support/repository.ts';
import { redisSuite, testRedis } from '../support/redis.ts';
import { SILENT } from './support/process.ts';

const LOCAL_MAX_BYTES = 8 * 1024 * 1024;

/** `writer` for everything but gets, which go to `reader` and never past its cache. */
function through(writer: MemoryRepository, reader: MemoryRepository): MemoryRepository {
  return {
    get: (call, ids) => reader.get(call, ids, Consistency.READ_YOUR_WRITES),
    write: (call, request) => writer.write(call, request),
    list: (call, query, into) => writer.list(call, query, into),
    beginExport: (call, workspaceId) => writer.beginExport(call, workspaceId),
    exportPage: (call, query, into) => writer.exportPage(call, query, into),
    revisions: (call, query) => writer.revisions(call, query),
    revision: (call, workspaceId, id, revision) => writer.revision(call, workspaceId, id, revision),
    sealedValues: (call, workspaceId, changeNos) => writer.sealedValues(call, workspaceId, changeNos),
    storageInfo: (call, workspaceId, access) => writer.storageInfo(call, workspaceId, access),
    describe: (call) => writer.describe(call),
  };
}

const subject = testRepository();
let poller: GenerationPoller;
let bumpCacheEpoch: (workspaceId: number) => Promise<void>;

beforeAll(async () => {
  const admin = createAdminRepository(subject().database);
  bumpCacheEpoch = (workspaceId) => admin.bumpCacheEpoch(workspaceId);
  poller = new GenerationPoller(admin);
  await poller.start();
});
afterAll(() => poller.stop());

const parts = () => ({ codec: protoCodec, epochs: poller, bumpCacheEpoch, localMaxBytes: LOCAL_MAX_BYTES });

describe('a cached repository that owns its database', () => {
  let cached: CachedMemoryRepository;
  beforeAll(() => {
    cached = new CachedMemoryRepository(subject().another(), { ...parts(), ownership: 'sole' });
  });

  memoryRepositoryContract(async () => new Hub(through(cached, cached), await newWorkspace(subject().database)));

  it('has answered some of it from itself', () => {
    expect(cached.stats().localHits).toBeGreaterThan(0);
  });
});

redisSuite('two cached repositories on one Redis, one written to and the other read', () => {
  const url = testRedis();
  const keyPrefix = `test-${randomBytes(6).toString('hex')}`;
  let links: RedisConnection[];
  let writer: CachedMemoryRepository;
  let reader: CachedMemoryRepository;

  beforeAll(async () => {
    const connect = () => connectRedis(url(), SILENT, { commandTimeoutMs: 5_000 });
    links = [await connect(), await connect()];
    [writer, reader] = links.map(
      (link) =>
        new CachedMemoryRepository(subject().another(), { ...parts(), ownership: { shared: { link, keyPrefix } } }),
    ) as [CachedMemoryRepository, CachedMemoryRepository];
  });
  afterAll(() => {
    for (const link of links) link.close();
  });

  memoryRepositoryContract(async () => new Hub(through(writer, reader), await newWorkspace(subject().database)));

  it('have answered some of it from Redis', () => {
    expect(reader.stats().redisHits).toBeGreaterThan(0);
  });
});

describe.each(['sole', { shared: undefined }] as const)('a cache of no bytes, owned by %j', (ownership) => {
  it('keeps nothing, and answers from the database', async () => {
    const cached = new CachedMemoryRepository(subject().another(), { ...parts(), localMaxBytes: 0, ownership });
    const hub = new Hub(cached, await newWorkspace(subject().database));
    const { id, changeNo } = await hub.done(save({ content: 'kept elsewhere' }));
    for (const consistency of [Consistency.READ_YOUR_WRITES, Consistency.EVENTUAL]) {
      expect((await cached.get(hub.call, [id], consistency))[0]?.changeNo).toBe(changeNo);
    }
    expect(cached.stats()).toMatchObject({ localHits: 0, localEntries: 0, localMaxBytes: 0 });
  });
});
