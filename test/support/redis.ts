import { Redis } from 'ioredis';
import { beforeAll, describe, inject } from 'vitest';
import './provided.ts';

/**
 * `describe` for tests that need Redis: skipped where there is none. The run's last line says so, and
 * a run with CI=true does not start without one.
 */
export const redisSuite = describe.skipIf(inject('redisUrl') === '');

/**
 * The shared Redis, in a logical database that no other running test file uses and that is empty when
 * the suite begins. For FLUSHALL, kills and pauses use `startRedis` instead.
 *
 * @returns a function, to be called within tests, that gives the URL
 */
export function testRedis(): () => string {
  const url = `${inject('redisUrl')}/${process.env.VITEST_POOL_ID ?? '1'}`;
  beforeAll(async () => {
    const client = new Redis(url);
    await client.flushdb();
    client.disconnect();
  });
  return () => url;
}
