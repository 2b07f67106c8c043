import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LocalStore } from '../../src/server/cache/local-store.ts';
import type { Found, Step } from '../../src/server/cache/protocol.ts';
import { RedisStore } from '../../src/server/cache/redis-store.ts';
import { MemoryRecord } from '../../src/server/domain/memory.ts';
import { redisSuite, testRedis } from '../support/redis.ts';
import { openTestRedis, type TestRedisAccess } from './support/process.ts';
import { memoryOf, textCodec } from './support/sample.ts';

const id = fc.constantFrom('a', 'b');
const token = fc.constantFrom('t1', 't2', 't3');
const value = fc
  .record({ epoch: fc.integer({ min: 0, max: 2 }), content: fc.constantFrom('x', 'y') })
  .map(({ epoch, content }) => ({
    epoch,
    record: new MemoryRecord(memoryOf('a', content), textCodec, memoryOf('a', content), undefined),
  }));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    op: fc.constant('lease' as const),
    id,
    token,
    over: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  }),
  fc.record({ op: fc.constant('fill' as const), id, token, value }),
  fc.record({ op: fc.constant('mark' as const), id, token }),
  fc.record({ op: fc.constant('settle' as const), id, token, value: fc.option(value, { nil: undefined }) }),
);

const plain = (found: Found[]) =>
  found.map((entry) =>
    typeof entry === 'object' ? { epoch: entry.epoch, content: entry.record?.memory.content } : entry,
  );

/** One state machine, written twice: in TypeScript and in Lua. */
redisSuite('the store in this process and the one in Redis', () => {
  const url = testRedis();
  let redis: TestRedisAccess;
  beforeAll(async () => {
    redis = await openTestRedis(url());
  });
  afterAll(() => redis.close());

  it('answer every sequence of steps alike and are left in the same state', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const local = new LocalStore(textCodec, 1_000_000);
        const shared = new RedisStore(redis.connection, textCodec, `${redis.keyPrefix}-${run++}`);
        // One by one, so that the state is compared after each; then all again as one batch.
        for (const each of steps) {
          expect(await shared.step(1, [each])).toEqual(await local.step(1, [each]));
          expect(plain(await shared.read(1, ['a', 'b']))).toEqual(plain(local.read(1, ['a', 'b'])));
        }
        expect(await shared.step(1, steps)).toEqual(await local.step(1, steps));
        expect(plain(await shared.read(1, ['a', 'b']))).toEqual(plain(local.read(1, ['a', 'b'])));
      }),
      { numRuns: 60 },
    );
  });
});
