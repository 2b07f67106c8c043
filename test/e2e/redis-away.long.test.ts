import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EventKind } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { redisSuite } from '../support/redis.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { ServerProcess } from '../support/server-process.ts';

redisSuite('a server that starts while Redis is down', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  const servers: ServerProcess[] = [];
  const start = (settings: NodeJS.ProcessEnv) => {
    const server = new ServerProcess({ DATABASE_URL: database.url, ...settings });
    servers.push(server);
    return server;
  };

  beforeAll(async () => {
    [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.cleanUp()));
    await redis.stop();
    await database.drop();
  });

  it.each(['1', '2'])('serves, says so, and uses Redis once it is back, with MEMORYHUB_WORKERS=%s', async (workers) => {
    await redis.kill();
    const server = start({ REDIS_URL: redis.url, MEMORYHUB_WORKERS: workers });
    const hub = await server.connect();
    const operator = await server.connect('operator');
    const saved = await hub.memories.saveMemory({ memory: { content: 'without Redis' } });
    expect(server.output).toMatch(
      /"level":40.*Redis at redis:\/\/127\.0\.0\.1:\d+ does not answer .* serving without it/,
    );
    const stats = async () => (await operator.stats.getStats({})).totals;
    expect((await stats())?.redis?.up).not.toBe(true);
    await redis.start();
    await expect.poll(async () => (await stats())?.redis?.up, { timeout: 15_000 }).toBe(true);
    const { content } = await hub.memories.getMemory({ target: { $case: 'id', value: saved.id } });
    expect(content).toBe('without Redis');
    // Every worker sees it go and come; operators hear of each once.
    const kinds = async () => (await stats())?.events.map(({ kind }) => kind);
    await expect
      .poll(kinds, { timeout: 10_000 })
      .toEqual(expect.arrayContaining([EventKind.SERVER_STARTED, EventKind.REDIS_LOST, EventKind.REDIS_BACK]));
    const all = (await kinds()) ?? [];
    expect([...all].sort()).toEqual([...new Set(all)].sort());
    hub.close();
    operator.close();
    expect(await server.stop()).toBe(0);
  });

  it('is refused when Redis answers that it will not have us', async () => {
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', 'another');
    admin.disconnect();
    const url = redis.url.replace('redis://', 'redis://:hunter2@');
    const server = start({ REDIS_URL: url });
    expect(await server.exit()).toBe(1);
    expect(server.output).toMatch(/Redis at redis:\/\/127\.0\.0\.1:\d+ refuses us \(.*\)\. Correct REDIS_URL/);
    expect(server.output).not.toContain('hunter2');
  });
});
