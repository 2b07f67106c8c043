import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { redisSuite } from '../support/redis.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { ServerProcess } from '../support/server-process.ts';

redisSuite('two servers on one PostgreSQL and one Redis', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  const servers: ServerProcess[] = [];
  let a: MemoryHub;
  let b: MemoryHub;

  beforeAll(async () => {
    database = await createTestDatabase();
    redis = await startRedis();
    for (const _ of [1, 2]) servers.push(new ServerProcess({ DATABASE_URL: database.url, REDIS_URL: redis.url }));
    [a, b] = (await Promise.all(servers.map((server) => server.connect()))) as [MemoryHub, MemoryHub];
  });
  afterAll(async () => {
    a?.close();
    b?.close();
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

  it('and without an error when Redis dies and comes back', async () => {
    await redis.kill();
    for (let i = 0; i < 20; i++) {
      await save(a, `dead ${i}`);
      expect(await read(a)).toBe(`dead ${i}`);
    }
    await redis.start();
    await expect.poll(() => read(b), { timeout: 3000 }).toBe('dead 19');
    await writeAndReadAcross(50, 'back');
  });
});
