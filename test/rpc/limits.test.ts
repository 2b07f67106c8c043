import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { OverloadGate } from '../../src/server/rpc/overload-gate.ts';
import { call, connect, open, readAll, start, stream, unary, until } from './harness.ts';

const CALM = { lagMs: 1, heap: 0.3 };
const LATE = { lagMs: 500, heap: 0.3 };

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

describe('the overload gate', () => {
  it('lets fewer calls in the longer the event loop is late, and more again when it keeps up', () => {
    const gate = new OverloadGate(100);
    const first = gate.limit;
    for (let i = 0; i < first; i++) gate.enter();
    expect(() => gate.enter()).toThrow(/1024 calls are under way already/);
    gate.look(LATE);
    const lower = gate.limit;
    expect(lower).toBeLessThan(first);
    for (let i = 0; i < 50; i++) gate.look(LATE);
    expect(gate.limit).toBe(256);
    expect(() => gate.enter()).toThrow(ServiceError);
    for (let i = 0; i < first - 100; i++) gate.leave();
    gate.enter();
    gate.look(CALM);
    expect(gate.limit).toBeGreaterThan(256);
    for (let i = 0; i < 20; i++) gate.look(CALM);
    // Nobody needs more: it stays where it is.
    expect(gate.limit).toBeLessThan(first);
    gate.close();
  });

  it('lets nothing new in while the heap is nearly full', () => {
    const gate = new OverloadGate(100);
    gate.look({ lagMs: 1, heap: 0.95 });
    expect(() => gate.enter()).toThrow(/memory/);
    expect(() => gate.checkHeap()).toThrow(/memory/);
    gate.look({ lagMs: 1, heap: 0.9 });
    expect(() => gate.enter()).toThrow(/memory/);
    gate.look({ lagMs: 1, heap: 0.5 });
    gate.enter();
    expect(gate.inFlight).toBe(1);
    gate.close();
  });

  it('lets calls that came together begin over several turns, in their order, so that others are read between', async () => {
    const gate = new OverloadGate(100);
    const begun: number[] = [];
    const work = (n: number) => {
      const end = performance.now() + 10;
      while (performance.now() < end);
      begun.push(n);
    };
    for (let n = 0; n < 12; n++) {
      const turn = gate.turn();
      if (turn === undefined) work(n);
      else void turn.then(() => work(n));
    }
    let most = begun.length;
    for (let turns = 0; begun.length < 12 && turns < 100; turns++) {
      const before = begun.length;
      await new Promise(setImmediate);
      most = Math.max(most, begun.length - before);
    }
    // Two of 10 ms fit, and one may begin when there is next to nothing left.
    expect(most).toBeLessThanOrEqual(3);
    expect(begun).toEqual(Array.from({ length: 12 }, (_, n) => n));
    gate.close();
  });

  it('lets fewer in when calls wait long for their turn, though the event loop is in time', async () => {
    const gate = new OverloadGate(100);
    const first = gate.limit;
    let left = 40;
    const work = () => {
      const end = performance.now() + 10;
      while (performance.now() < end);
      left--;
    };
    for (let n = left; n > 0; n--) {
      gate.enter();
      const turn = gate.turn();
      if (turn === undefined) work();
      else void turn.then(work);
    }
    while (left > 0) await new Promise(setImmediate);
    expect(gate.limit).toBeLessThan(first);
    gate.close();
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
