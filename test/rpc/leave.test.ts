import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { frame, start, type TestServer, unary, until } from './harness.ts';

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

/** A caller that ends its connection later than a server that waits for nobody, and the order in which they do. */
function dialLate({ port }: TestServer): { session: ClientHttp2Session; order: string[] } {
  const order: string[] = [];
  const socket = connectTcp(port, '127.0.0.1').on('end', () => order.push('the server'));
  const end = socket.end.bind(socket) as (...args: unknown[]) => Socket;
  socket.end = (...args: unknown[]) => {
    setTimeout(() => {
      order.push('the caller');
      end(...args);
    }, 100);
    return socket;
  };
  const session = connect('http://localhost', { createConnection: () => socket });
  sessions.push(session);
  return { session, order };
}

/** Stands between one caller and the server; what the server says can be held back. */
async function relay(server: TestServer): Promise<{ port: number; answers: Socket }> {
  const answers = connectTcp(server.port, '127.0.0.1');
  const between = createServer((caller) => {
    between.close();
    answers.on('data', (bytes) => caller.write(bytes)).on('end', () => caller.end());
    caller.on('data', (bytes) => answers.write(bytes)).on('close', () => answers.end());
    for (const socket of [caller, answers]) socket.on('error', () => socket.destroy());
  });
  await once(between.listen(0, '127.0.0.1'), 'listening');
  return { port: (between.address() as AddressInfo).port, answers };
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
    const { port, answers } = await relay(server);
    const { session, seen } = dial({ port });
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
  });

  it('has the caller end the connection, behind the answer: nginx drops one that comes with the end', async () => {
    const server = await start([slow]);
    const { session, order } = dialLate(server);
    const under = post(session, 'Slow');
    await until(() => server.seen.begun === 1, 'the call began');
    await server.server.drain(10_000);
    expect(await under).toBe('0');
    await until(() => order.length === 2, 'both have ended it');
    expect(order).toEqual(['the caller', 'the server']);
  });

  it('ends it when the caller does not', async () => {
    const server = await start([slow]);
    const socket = connectTcp(server.port, '127.0.0.1');
    const end = socket.end.bind(socket);
    socket.end = () => socket;
    sessions.push(connect('http://localhost', { createConnection: () => socket }));
    const under = post(sessions.at(-1) as ClientHttp2Session, 'Slow');
    await until(() => server.seen.begun === 1, 'the call began');
    const ended = once(socket, 'end');
    // Later than this test may take, if it were cut off.
    const drained = server.server.drain(120_000);
    expect(await under).toBe('0');
    await ended;
    end();
    await drained;
  });

  it('cuts off no answer that its caller is slow to take', async () => {
    const server = await start([
      unary('Long', async () => {
        await delay(50);
        return 'x'.repeat(3_000_000);
      }),
    ]);
    const { port, answers } = await relay(server);
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 4_000_000 } });
    sessions.push(session);
    await once(session, 'localSettings');
    session.setLocalWindowSize(4_000_000);
    const under = post(session, 'Long');
    await until(() => server.seen.begun === 1, 'the call began');
    answers.pause();
    const drained = server.server.drain(30_000);
    // Longer than the caller has to end the connection.
    await delay(2_500);
    answers.resume();
    expect(await under).toBe('0');
    await drained;
  });

  it('cuts off no call because Node.js pings no connection that is closed', async () => {
    const server = await start([slow], { limits: { keepaliveTimeMs: 10 } });
    const { session } = dial(server);
    const under = post(session, 'Slow');
    await until(() => server.seen.begun === 1, 'the call began');
    await server.server.drain(10_000);
    expect(await under).toBe('0');
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

it('a connection that has come to its age is ended by its caller, behind the last answer', async () => {
  const limits = { maxConnectionAgeMs: 20, keepaliveTimeMs: 10 };
  const server = await start([slow], { limits });
  const { session, order } = dialLate(server);
  expect(await post(session, 'Slow')).toBe('0');
  await until(() => order.length === 2, 'both have ended it');
  expect(order).toEqual(['the caller', 'the server']);
});
