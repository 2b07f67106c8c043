import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { CallLimit } from '../../src/server/rpc/call-limit.ts';
import { CallTurns } from '../../src/server/rpc/call-turns.ts';
import { OverloadGate } from '../../src/server/rpc/overload-gate.ts';
import { call, connect, open, readAll, start, stream, unary, until } from './harness.ts';

const CALM = { lagMs: 1, work: 0.9, heap: 0.3 };
const LATE = { lagMs: 500, work: 0.9, heap: 0.3 };

describe('a key over its limit', () => {
  it('is told the limit and when to come back, in details and headers; health still answers', async () => {
    let left = 2;
    const rateLimits = {
      take: () => {
        left -= 1;
        if (left >= 0) return { limit: 2, remaining: left };
        const metadata = { of: 'key', limit: '2' };
        throw new ServiceError('RATE_LIMITED', 'too many', { metadata, retryAfterMs: 730 });
      },
    };
    const server = await start([unary('Echo', async (_call, text) => text)], { rateLimits });
    const { headers } = await call(server, 'Echo');
    expect(headers.get('ratelimit-limit')).toEqual(['2']);
    expect(headers.get('ratelimit-remaining')).toEqual(['1']);
    await call(server, 'Echo');
    const refusal = await call(server, 'Echo').catch((error) => error);
    expect(refusal).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'memoryhub/RATE_LIMITED',
      info: { of: 'key', limit: '2' },
      retryDelayMs: 730,
    });
    for (const [name, value] of Object.entries({
      'grpc-retry-pushback-ms': '730',
      'ratelimit-limit': '2',
      'ratelimit-remaining': '0',
      'ratelimit-reset': '1',
    })) {
      expect(refusal.trailers.get(name), name).toEqual([value]);
    }
    expect(server.seen.shed).toEqual(['RATE_LIMITED']);
    await call(server, '/grpc.health.v1.Health/Check');
  });

  it('waits where its limit has to be asked for', async () => {
    const rateLimits = { take: async () => ({ limit: 9, remaining: 8 }) };
    const server = await start([unary('Echo', async (_call, text) => text)], { rateLimits });
    expect((await call(server, 'Echo', 'hi')).headers.get('ratelimit-limit')).toEqual(['9']);
  });
});

describe('the limit of a method', () => {
  const enter = (limit: CallLimit, calls: number) => {
    for (let n = 0; n < calls; n++) limit.enter();
  };
  const leave = (limit: CallLimit, calls: number) => {
    for (let n = 0; n < calls; n++) limit.leave();
  };
  /** So many calls end before each look, and others come, as many as are let in. */
  const serve = (limit: CallLimit, perLook: number, looks: number) => {
    for (let look = 0; look < looks; look++) {
      leave(limit, perLook);
      enter(limit, Math.max(0, limit.limit - limit.inFlight));
      limit.look('working');
    }
  };

  it('lets as many in as end in 300 ms, so that none waits longer', () => {
    const limit = new CallLimit();
    enter(limit, 1024);
    expect(() => limit.enter()).toThrow(/1024 calls like it are under way already/);
    limit.look('working');
    serve(limit, 60, 3);
    expect(limit.limit).toBe(180);
    expect(() => limit.enter()).toThrow(ServiceError);
    leave(limit, 845);
    limit.enter();
    expect(limit.inFlight).toBe(180);
  });

  it('takes a burst after a pause for no queue that lasts', () => {
    const limit = new CallLimit();
    enter(limit, 1000);
    for (let look = 0; look < 3; look++) {
      limit.look('working');
      leave(limit, 300);
    }
    leave(limit, 100);
    limit.look('working');
    expect(limit.limit).toBe(1024);
  });

  it('always lets a hundred users in, however long they wait', () => {
    const limit = new CallLimit();
    enter(limit, 600);
    for (let look = 0; look < 50; look++) limit.look('working');
    expect(limit.limit).toBe(128);
    leave(limit, 500);
    expect(() => limit.enter()).not.toThrow();
  });

  it('lets more in again when more are done', () => {
    const limit = new CallLimit();
    enter(limit, 600);
    serve(limit, 0, 10);
    expect(limit.limit).toBe(128);
    leave(limit, limit.inFlight);
    serve(limit, 100, 50);
    expect(limit.limit).toBeGreaterThan(250);
    expect(limit.limit).toBeLessThan(350);
    leave(limit, limit.inFlight);
    serve(limit, 1000, 100);
    expect(limit.limit).toBeGreaterThan(2000);
    expect(limit.limit).toBeLessThan(3100);
  });

  it('forgets a queue that is gone, and rises no further than anyone needs', () => {
    const limit = new CallLimit();
    enter(limit, 600);
    serve(limit, 0, 10);
    leave(limit, limit.inFlight);
    for (let look = 0; look < 100; look++) {
      enter(limit, 10);
      limit.look('working');
      leave(limit, 10);
    }
    expect(limit.limit).toBe(1024);
  });

  it('is not lowered for what makes the event loop late while none of its calls is under way', () => {
    const limit = new CallLimit();
    for (let look = 0; look < 5; look++) limit.look('late');
    expect(limit.limit).toBe(1024);
  });

  it('stays where calls wait for others, which they do no shorter when there are fewer', () => {
    const gate = new OverloadGate(100);
    const limit = gate.limit();
    enter(limit, 1000);
    for (let look = 0; look < 50; look++) gate.look({ ...CALM, work: 0.2 });
    expect(limit.limit).toBe(1024);
    for (let look = 0; look < 6; look++) gate.look(CALM);
    expect(limit.limit).toBe(128);
    // Once lowered it rises again, though they still wait.
    for (let look = 0; look < 50; look++) gate.look({ ...CALM, work: 0.2 });
    expect(limit.limit).toBe(1024);
    gate.close();
  });

  it('lets fewer in the longer the event loop is late', () => {
    const gate = new OverloadGate(100);
    const limit = gate.limit();
    enter(limit, 1000);
    gate.look(LATE);
    expect(limit.limit).toBe(800);
    gate.look(LATE);
    expect(limit.limit).toBe(800);
    leave(limit, 900);
    for (let look = 0; look < 5; look++) gate.look(LATE);
    expect(limit.limit).toBe(128);
    gate.close();
  });

  it('is its own', async () => {
    const gate = new OverloadGate(100);
    const [batches, reads] = [gate.limit(), gate.limit()];
    enter(batches, 1024);
    for (let look = 0; look < 6; look++) gate.look(CALM);
    expect(batches.limit).toBe(128);
    expect(reads.limit).toBe(1024);
    gate.close();
  });
});

describe('the overload gate', () => {
  it('lets nothing new in while the heap is nearly full', () => {
    const gate = new OverloadGate(100);
    gate.look({ lagMs: 1, work: 0.9, heap: 0.95 });
    expect(() => gate.checkHeap()).toThrow(/memory/);
    gate.look({ lagMs: 1, work: 0.9, heap: 0.9 });
    expect(() => gate.checkHeap()).toThrow(/memory/);
    gate.look({ lagMs: 1, work: 0.9, heap: 0.5 });
    gate.checkHeap();
    gate.close();
  });

  it('lets calls that came together begin over several turns, in their order, so that others are read between', async () => {
    const turns = new CallTurns();
    const begun: number[] = [];
    const work = (n: number) => {
      const end = performance.now() + 10;
      while (performance.now() < end);
      begun.push(n);
    };
    for (let n = 0; n < 12; n++) {
      const turn = turns.next();
      if (turn === undefined) work(n);
      else void turn.then(() => work(n));
    }
    let most = begun.length;
    for (let looks = 0; begun.length < 12 && looks < 100; looks++) {
      const before = begun.length;
      await new Promise(setImmediate);
      most = Math.max(most, begun.length - before);
    }
    // Two of 10 ms fit, and one may begin when there is next to nothing left.
    expect(most).toBeLessThanOrEqual(3);
    expect(begun).toEqual(Array.from({ length: 12 }, (_, n) => n));
  });

  it('does nothing more for who went away while waiting for a turn', async () => {
    let counted = 0;
    const rateLimits = {
      take: () => {
        counted++;
        return { limit: Number.POSITIVE_INFINITY, remaining: 1 };
      },
    };
    const slow = unary('Slow', (_call, text) => {
      const end = performance.now() + 25;
      while (performance.now() < end);
      return text;
    });
    const server = await start([slow], { rateLimits, overloadLagMs: 100 });
    const gone = new AbortController();
    const all = Promise.allSettled(Array.from({ length: 30 }, () => call(server, 'Slow', '', { signal: gone.signal })));
    await until(() => server.seen.begun === 30, 'all are there');
    gone.abort();
    await all;
    await until(() => server.seen.ended.length === 30, 'all have ended');
    expect(counted).toBeLessThan(30);
  });

  it('answers who is one too many at once, counts it as shed, and lets health and statistics in', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const server = await start(
      [
        unary('Wait', async () => {
          await released;
          return 'done';
        }),
        stream('Hold', async function* () {
          await released;
          yield 'done';
        }),
      ],
      { overloadLagMs: 60_000 },
    );
    // A connection takes 256 calls at a time.
    const clients = Array.from({ length: 5 }, () => connect(server.port));
    const waiting = clients.flatMap((client) =>
      Array.from({ length: 220 }, () =>
        call({ ...server, client }, 'Wait').then(
          () => 'done',
          (error) => error.reason as string,
        ),
      ),
    );
    await expect.poll(() => server.seen.shed.length, { timeout: 20_000 }).toBe(1100 - 1024);
    expect(new Set(server.seen.shed)).toEqual(new Set(['OVERLOADED']));
    await call(server, '/grpc.health.v1.Health/Check');
    const held = readAll(open(server, 'Hold'));
    release();
    const outcomes = await Promise.all(waiting);
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1024);
    expect(outcomes.filter((outcome) => outcome === 'memoryhub/OVERLOADED')).toHaveLength(76);
    expect((await held).messages).toEqual(['done']);
    expect((await call(server, 'Wait')).text).toBe('done');
    for (const client of clients) client.close();
  });
});
