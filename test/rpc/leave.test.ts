import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, start, unary, until } from './harness.ts';

const echo = unary('Echo', async (_call, request) => request);
const slow = unary('Slow', async () => {
  await delay(50);
  return 'in time';
});

const sessions: ClientHttp2Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});

/** A connection as a proxy has it, which repeats nothing. What happens to it is noted in order. */
function dial({ port }: { port: number }): { session: ClientHttp2Session; seen: string[] } {
  const session = connect(`http://127.0.0.1:${port}`);
  const seen: string[] = [];
  session.on('error', () => seen.push('error'));
  session.on('ping', () => seen.push('ping'));
  session.on('goaway', (_code, lastStream) => seen.push(`goaway after ${lastStream}`));
  sessions.push(session);
  return { session, seen };
}

/** Its grpc-status, or why there is none. */
async function post(session: ClientHttp2Session, method = 'Echo'): Promise<string> {
  const request = session.request({
    ':method': 'POST',
    ':path': `/test.Wire/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: 'Bearer good',
  });
  let status = 'no status';
  request.on('trailers', (trailers) => {
    status = String(trailers['grpc-status']);
  });
  request.on('error', (error) => {
    status = error.message;
  });
  request.resume().end(frame(Buffer.from('x')));
  // Not once(): that rejects with the error.
  await new Promise((resolve) => request.on('close', resolve));
  return status;
}

describe('a server that stops', () => {
  it('answers calls that are on their way over connections without a call', async () => {
    const server = await start([echo]);
    const dialled = Array.from({ length: 5 }, () => dial(server));
    for (const { session } of dialled) expect(await post(session)).toBe('0');
    const drained = server.server.drain(10_000);
    const answers = await Promise.all(dialled.map(({ session }) => post(session)));
    expect(answers).toEqual(Array(5).fill('0'));
    await drained;
    for (const { seen } of dialled) expect(seen.at(-1)).toBe('goaway after 3');
  });

  it('answers calls over connections that wait to be taken', async () => {
    const server = await start([echo]);
    const calls = Array.from({ length: 20 }, () => post(dial(server).session));
    const drained = server.server.drain(10_000);
    expect(await Promise.all(calls)).toEqual(Array(20).fill('0'));
    await drained;
    expect(server.server.connections).toBe(0);
  });

  it('says over a connection with a call that it is the last one, before it answers', async () => {
    const server = await start([slow]);
    const { session, seen } = dial(server);
    const under = post(session, 'Slow').then((status) => seen.push(`answered with ${status}`));
    await until(() => server.seen.begun === 1, 'the call began');
    await server.server.drain(10_000);
    await under;
    expect(seen.filter((what) => what !== 'ping').slice(0, 2)).toEqual(['goaway after 1', 'answered with 0']);
  });

  it('touches connections without a call before it ends them: nginx closes them then', async () => {
    const server = await start([echo]);
    const { session, seen } = dial(server);
    expect(await post(session)).toBe('0');
    await server.server.drain(10_000);
    if (!session.destroyed) await once(session, 'close');
    expect(seen[0]).toBe('ping');
    expect(seen.at(-1)).toBe('goaway after 1');
  });

  it('waits for a caller that has not come to its ping: nginx may be busy with others', async () => {
    const server = await start([echo]);
    const answers = connectTcp(server.port, '127.0.0.1');
    const between = createServer((caller) => {
      answers.on('data', (bytes) => caller.write(bytes)).on('end', () => caller.end());
      caller.pipe(answers);
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
    const { session, seen } = dial({ port: (between.address() as AddressInfo).port });
    expect(await post(session)).toBe('0');
    answers.pause();
    const drained = server.server.drain(10_000);
    await delay(400);
    const late = post(session);
    await until(() => server.seen.begun === 2, 'the call came');
    answers.resume();
    expect(await late).toBe('0');
    await drained;
    expect(seen.at(-1)).toBe('goaway after 3');
    between.close();
  });

  it('has the caller end the connection, behind the answer: nginx drops one that comes with the end', async () => {
    const server = await start([slow]);
    const order: string[] = [];
    const socket = connectTcp(server.port, '127.0.0.1').on('end', () => order.push('the server'));
    const end = socket.end.bind(socket) as (...args: unknown[]) => Socket;
    // Later than a server would that waits for nobody.
    socket.end = (...args: unknown[]) => {
      setTimeout(() => {
        order.push('the caller');
        end(...args);
      }, 100);
      return socket;
    };
    const session = connect('http://localhost', { createConnection: () => socket });
    sessions.push(session);
    const under = post(session, 'Slow');
    await until(() => server.seen.begun === 1, 'the call began');
    await server.server.drain(10_000);
    expect(await under).toBe('0');
    await until(() => order.length === 2, 'both have ended it');
    expect(order).toEqual(['the caller', 'the server']);
  });

  it('does not wait long for one who leaves it open', async () => {
    const server = await start([slow]);
    const socket = connectTcp(server.port, '127.0.0.1');
    socket.end = () => socket;
    const session = connect('http://localhost', { createConnection: () => socket });
    const under = post(session, 'Slow');
    await until(() => server.seen.begun === 1, 'the call began');
    // Is over before it may cut off what is left.
    await server.server.drain(60_000);
    expect(await under).toBe('0');
    expect(server.server.connections).toBe(0);
    socket.destroy();
  });

  it('does not wait for callers who go on connecting, however long each turn takes', async () => {
    const server = await start([echo]);
    const sockets: Socket[] = [];
    let over = false;
    const storm = () => {
      if (over) return;
      sockets.push(connectTcp(server.port, '127.0.0.1').on('error', () => {}));
      const end = performance.now() + 10;
      while (performance.now() < end);
      setImmediate(storm);
    };
    storm();
    await server.server.drain(400);
    over = true;
    for (const socket of sockets) socket.destroy();
    // Each turn had one; a server that takes no more does not count them.
    expect(sockets.length).toBeLessThan(300);
  });
});
