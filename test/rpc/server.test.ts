import { createServer as createNetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { call, open, readAll, refusalOf, start, stream, unary, until } from './harness.ts';

const echo = unary('Echo', async (_call, request) => request);

const watch = stream('Watch', async function* (call) {
  yield 'first';
  await delay(60_000, undefined, { signal: call.signal });
});

describe('listening', () => {
  it('on port 0 tells the port it got', async () => {
    const server = await start([echo]);
    expect(server.port).toBeGreaterThan(0);
    expect((await call(server, 'Echo', 'x')).text).toBe('x');
  });

  it('on a port that is taken fails with a sentence', async () => {
    const taken = createNetServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const server = await start([echo]);
    await expect(server.server.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({
      name: 'ListenError',
      code: 'EADDRINUSE',
      message: `cannot listen on 127.0.0.1:${port}: the port is in use by another program`,
    });
    taken.close();
  });

  it('on an address this machine does not have fails with a sentence', async () => {
    const server = await start([echo]);
    await expect(server.server.listen({ host: '192.0.2.1', port: 0 })).rejects.toThrow(
      'cannot listen on 192.0.2.1:0: this machine has no such address',
    );
  });

  it('with two methods of one name is a bug that shows at start', async () => {
    await expect(start([echo, echo])).rejects.toThrow('/test.Wire/Echo is registered twice');
  });
});

describe('draining', () => {
  it('lets unary calls finish', async () => {
    let finish: (text: string) => void = () => {};
    const server = await start([
      unary(
        'Slow',
        () =>
          new Promise<string>((resolve) => {
            finish = resolve;
          }),
      ),
    ]);
    const answer = call(server, 'Slow');
    await until(() => server.seen.begun === 1, 'the call began');
    const drained = server.server.drain(10_000);
    await delay(50);
    finish('in time');
    expect((await answer).text).toBe('in time');
    await drained;
    expect(server.server.connections).toBe(0);
  });

  it('ends streams first, and says why', async () => {
    const server = await start([watch]);
    const reader = open(server, 'Watch');
    const read = readAll(reader);
    await until(() => server.server.openStreams === 1, 'it is open');
    await server.server.drain(10_000);
    const { messages, refusal } = await read;
    expect(messages).toEqual(['first']);
    expect(refusal).toMatchObject({ code: 'UNAVAILABLE', reason: 'memoryhub/SHUTTING_DOWN' });
    expect(refusal?.retryDelayMs).toBeGreaterThan(0);
    expect(server.seen.unexpected).toEqual([]);
  });

  it('cuts off what is still there after its grace', async () => {
    const server = await start([unary('Never', () => new Promise(() => {}))]);
    const refused = refusalOf(call(server, 'Never'));
    await until(() => server.seen.begun === 1, 'the call began');
    await server.server.drain(100);
    expect((await refused).code).toMatch(/UNAVAILABLE|CANCELLED|INTERNAL/);
    expect(server.server.connections).toBe(0);
  });

  it('without any connection is over at once, and can be repeated', async () => {
    const server = await start([echo]);
    await server.server.drain(60_000);
    await server.server.drain(60_000);
    expect(server.server.connections).toBe(0);
  });

  it('frees the port', async () => {
    const first = await start([echo]);
    await call(first, 'Echo');
    await first.server.drain(10_000);
    const second = await start([echo]);
    await second.server.drain(0);
    const third = createNetServer();
    await new Promise<void>((resolve, reject) => {
      third.once('error', reject);
      third.listen(first.port, '127.0.0.1', resolve);
    });
    third.close();
  });
});

describe('the age of a connection', () => {
  it('is limited without a failed call', async () => {
    const server = await start([echo], { limits: { maxConnectionAgeMs: 60 } });
    const peers = new Set<number>();
    for (let count = 0; count < 60; count++) {
      expect((await call(server, 'Echo', 'x')).text).toBe('x');
      peers.add(server.server.connections);
      await delay(5);
    }
    expect(server.seen.ended).toHaveLength(60);
  });
});
