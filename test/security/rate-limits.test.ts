import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { type Principal, Role } from '../../src/server/domain/principal.ts';
import { type RateLimitOptions, RateLimits } from '../../src/server/security/rate-limits.ts';
import { redisSuite, testRedis } from '../support/redis.ts';
import { startRedis } from '../support/redis-server.ts';

const opened: RateLimits[] = [];
let prefixes = 0;

afterEach(() => {
  for (const limits of opened.splice(0)) limits.close();
});

function open(options: Partial<RateLimitOptions>): RateLimits {
  const limits = RateLimits.open({
    keyPerSecond: 0,
    workspacePerSecond: 0,
    redisUrl: undefined,
    processes: 1,
    prefix: `test-${prefixes++}`,
    ...options,
  });
  if (limits === undefined) throw new Error('there are no limits');
  opened.push(limits);
  return limits;
}

function caller(keyId: string, workspaceId = 1): Principal {
  return { keyId, name: keyId, role: Role.WRITER, workspaceId, workspace: `w${workspaceId}`, access: UNBOUND };
}

/** How many of so many calls made at once are let through, and how the others are refused. */
async function burst(calls: number, ...takers: (() => unknown)[]) {
  const refusals: ServiceError[] = [];
  let taken = 0;
  const makers = takers.flatMap((take) => Array.from({ length: calls / takers.length }, () => take));
  await Promise.all(
    makers.map(async (take) => {
      try {
        await take();
        taken += 1;
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        refusals.push(error);
      }
    }),
  );
  return { taken, refusals };
}

describe('limits of calls a second', () => {
  it('are none unless they are set', () => {
    const none = { keyPerSecond: 0, workspacePerSecond: 0, redisUrl: undefined, processes: 1, prefix: '' };
    expect(RateLimits.open(none)).toBeUndefined();
  });

  it('let through as many as they say, refuse the rest, and say when to come back', async () => {
    const limits = open({ keyPerSecond: 50 });
    const { taken, refusals } = await burst(200, () => limits.take(caller('a')));
    expect(taken).toBe(50);
    expect(refusals[0]).toMatchObject({ reason: 'RATE_LIMITED', metadata: { of: 'key', limit: '50' } });
    const waitMs = refusals[0]?.retryAfterMs ?? 0;
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(1000);
    await sleep(waitMs + 20);
    expect((await burst(1, () => limits.take(caller('a')))).taken).toBe(1);
  });

  it('count each key for itself, and all keys of a workspace together', async () => {
    const limits = open({ keyPerSecond: 20, workspacePerSecond: 30 });
    const a = await burst(40, () => limits.take(caller('a')));
    expect(a.taken).toBe(20);
    const b = await burst(40, () => limits.take(caller('b')));
    expect(b.taken).toBe(10);
    expect(b.refusals[0]?.metadata).toEqual({ of: 'workspace', limit: '30' });
    expect((await burst(40, () => limits.take(caller('c', 2)))).taken).toBe(20);
  });

  it('limit keys of the server too, which have no workspace', async () => {
    const limits = open({ keyPerSecond: 10, workspacePerSecond: 5 });
    expect((await burst(30, () => limits.take(caller('operator', 0)))).taken).toBe(10);
  });

  it('tell how many calls are left', async () => {
    const limits = open({ keyPerSecond: 40 });
    expect(await limits.take(caller('a'))).toEqual({ limit: 40, remaining: 39 });
    expect(limits.take(caller('a'))).toEqual({ limit: 40, remaining: 38 });
  });

  it('are divided over the processes where no Redis joins them', async () => {
    const limits = open({ keyPerSecond: 40, processes: 4 });
    expect((await burst(100, () => limits.take(caller('a')))).taken).toBe(10);
  });
});

redisSuite('limits that servers share', () => {
  const redisUrl = testRedis();

  it('hold over two servers together', async () => {
    const options = { keyPerSecond: 100, redisUrl: redisUrl(), prefix: 'shared' };
    const [one, two] = [open(options), open(options)];
    await expect
      .poll(
        async () =>
          (
            await burst(
              2,
              () => one.take(caller('w')),
              () => two.take(caller('w')),
            )
          ).taken,
      )
      .toBe(2);
    const { taken, refusals } = await burst(
      600,
      () => one.take(caller('a')),
      () => two.take(caller('a')),
    );
    // What was left of a part when its second ended is lost, and a slow run may see two seconds.
    expect(taken % 100).toBe(0);
    expect(taken).toBeLessThanOrEqual(300);
    expect(refusals.length).toBe(600 - taken);
  });

  it('go on while Redis is away, each process with its share', async () => {
    const redis = await startRedis();
    const limits = open({ keyPerSecond: 40, redisUrl: redis.url, processes: 2 });
    await expect.poll(async () => (await burst(1, () => limits.take(caller('w')))).taken).toBe(1);
    await redis.kill();
    const { taken } = await burst(100, () => limits.take(caller('a')));
    expect(taken).toBe(20);
    await redis.stop();
  });
});
