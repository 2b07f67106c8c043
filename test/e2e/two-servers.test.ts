import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cache, Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { Consistency } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import type { RpcError } from '../../src/shared/rpc-error.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { redisSuite } from '../support/redis.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { runCommand, ServerProcess } from '../support/server-process.ts';

redisSuite('two servers on one PostgreSQL and one Redis', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  const servers: ServerProcess[] = [];
  let a: MemoryHub;
  let b: MemoryHub;
  let operators: MemoryHub[];

  beforeAll(async () => {
    database = await createTestDatabase();
    redis = await startRedis();
    for (const _ of [1, 2]) servers.push(new ServerProcess({ DATABASE_URL: database.url, REDIS_URL: redis.url }));
    [a, b] = (await Promise.all(servers.map((server) => server.connect()))) as [MemoryHub, MemoryHub];
    operators = await Promise.all(servers.map((server) => server.connect('operator')));
  });
  afterAll(async () => {
    a?.close();
    b?.close();
    for (const operator of operators ?? []) operator.close();
    await Promise.all(servers.map((server) => server.cleanUp()));
    await redis?.stop();
    await database?.drop();
  });

  const key = { $case: 'key' as const, value: { key: 'shared' } };
  const save = (hub: MemoryHub, content: string) => hub.memories.saveMemory({ memory: { key: 'shared', content } });
  const read = async (hub: MemoryHub) => (await hub.memories.getMemory({ target: key })).content;
  const writeAndReadAcross = async (rounds: number, label: string) => {
    for (let i = 0; i < rounds; i++) {
      const [writer, reader] = i % 2 ? [a, b] : [b, a];
      await save(writer, `${label} ${i}`);
      expect(await read(reader)).toBe(`${label} ${i}`);
      expect(await read(writer)).toBe(`${label} ${i}`);
    }
  };

  it('a write acknowledged by one is read from the other at once', async () => {
    await writeAndReadAcross(200, 'plain');
  });

  it('also while the cache is flushed under them', async () => {
    const client = new Redis(redis.url);
    const flushing = setInterval(() => void client.flushall(), 5);
    try {
      await writeAndReadAcross(200, 'flushed');
    } finally {
      clearInterval(flushing);
      client.disconnect();
    }
  });

  it('each consistency reads what it promises', async () => {
    const saved = await save(a, 'consistent');
    const get = async (consistency: Consistency) =>
      (await b.memories.getMemory({ target: { $case: 'id', value: saved.id }, consistency })).content;
    expect(await get(Consistency.STRONG)).toBe('consistent');
    expect(await get(Consistency.READ_YOUR_WRITES)).toBe('consistent');
    await expect.poll(() => get(Consistency.EVENTUAL), { timeout: 2000 }).toBe('consistent');
    await save(a, 'later');
    expect(await get(Consistency.READ_YOUR_WRITES)).toBe('later');
    await expect.poll(() => get(Consistency.EVENTUAL), { timeout: 2000 }).toBe('later');
  });

  it('a key revoked at one is refused by the other within 5 seconds, open streams included', async () => {
    const { apiKey, credential } = await a.admin.createApiKey({ apiKey: { name: 'short-lived', role: Role.WRITER } });
    const monitorKey = await operators[0]?.admin.createApiKey({ apiKey: { name: 'watcher', role: Role.MONITOR } });
    const address = (await servers[1]?.address()) ?? '';
    const caller = new MemoryHub({ address, credential });
    const watcher = new MemoryHub({ address, credential: monitorKey?.credential ?? '' });
    await caller.memories.saveMemory({ memory: { content: 'while it lasts' } });
    const watched = (async () => {
      for await (const _ of watcher.stats.watchStats({})) void _;
    })().catch((error: RpcError) => error.reason);

    await a.admin.revokeApiKey({ id: apiKey?.id ?? '' });
    await operators[0]?.admin.revokeApiKey({ id: monitorKey?.apiKey?.id ?? '' });
    const refusal = () =>
      caller.memories.getStorageInfo({}).then(
        () => 'answered',
        (error: RpcError) => error.reason,
      );
    await expect.poll(refusal, { timeout: 5000 }).toBe('CREDENTIAL_INVALID');
    expect(await watched).toBe('CREDENTIAL_INVALID');
    caller.close();
    watcher.close();
  });

  it('caches invalidated at one are empty at the other', async () => {
    const saved = await save(a, 'cached');
    const target = { $case: 'id' as const, value: saved.id };
    const misses = async () => (await operators[1]?.stats.getStats({}))?.totals?.cache?.misses ?? 0n;
    const readOnce = async () => {
      const before = await misses();
      await b.memories.getMemory({ target });
      return (await misses()) - before;
    };
    await readOnce();
    expect(await readOnce()).toBe(0n);
    await a.admin.invalidateCaches({ caches: [Cache.MEMORIES] });
    await expect.poll(readOnce, { timeout: 3000, interval: 300 }).toBe(1n);
  });

  it('and without an error when Redis dies and comes back', async () => {
    await redis.kill();
    const status = await runCommand(['status', '--check'], { env: { MEMORYHUB_DATA_DIR: servers[0]?.dataDir } });
    expect(status.stdout).toContain('SERVING');
    expect(status.stdout).not.toContain('NOT_SERVING');
    for (let i = 0; i < 20; i++) {
      await save(a, `dead ${i}`);
      expect(await read(a)).toBe(`dead ${i}`);
    }
    await redis.start();
    await expect.poll(() => read(b), { timeout: 3000 }).toBe('dead 19');
    await writeAndReadAcross(50, 'back');
  });
});
