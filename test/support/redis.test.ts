import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { redisSuite, testRedis } from './redis.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

redisSuite('a Redis of a suite of its own', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url, { retryStrategy: () => 20 });
    client.on('error', () => {});
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  test('comes back empty on the same port after a kill', async () => {
    await client.set('a', 'b');
    await server.kill();
    await server.start();
    expect(await client.get('a')).toBeNull();
  });

  test('answers nothing while it is paused, and everything after', async () => {
    server.pause();
    const answer = client.set('c', 'd');
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50, 'silence'))]);
    expect(first).toBe('silence');
    server.resume();
    expect(await answer).toBe('OK');
  });
});

redisSuite('the shared Redis', () => {
  const url = testRedis();

  test('is empty when a suite begins, and differs between test files that run at once', async () => {
    expect(new URL(url()).pathname).toBe(`/${process.env.VITEST_POOL_ID}`);
    const client = new Redis(url());
    expect(await client.dbsize()).toBe(0);
    client.disconnect();
  });
});
