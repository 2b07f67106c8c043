import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { call, frame, rawCall, start, type TestServer, unary, until } from './harness.ts';

const echo = unary('Echo', async (_call, request) => request);

async function stillServes(server: TestServer): Promise<void> {
  expect((await call(server, 'Echo', 'still here')).text).toBe('still here');
}

/** Sends bytes on a connection of its own and waits until the server has closed it. */
async function send(server: TestServer, bytes: Buffer | string): Promise<void> {
  const socket: Socket = connect(server.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  socket.resume();
  socket.write(bytes);
  await closed;
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0);

describe('a call that never reaches a handler', () => {
  it.each(['/test.Wire/Nothing', '/', '/x', '/test.Wire/Echo/', '/__proto__', '/test.Wire/caf%C3%A9'])(
    'of %s is UNIMPLEMENTED with details, and without the caller’s text',
    async (path) => {
      const server = await start([echo]);
      const refusal = await rawCall(server, path, frame(Buffer.alloc(0)));
      expect(refusal).toMatchObject({
        code: 'UNIMPLEMENTED',
        reason: 'memoryhub/UNIMPLEMENTED',
        text: 'the server has no such RPC',
      });
    },
  );

  it.each([
    ['no message', Buffer.alloc(0), 'there is no request message'],
    ['two messages', Buffer.concat([frame(Buffer.of(1)), frame(Buffer.of(2))]), 'there is a second request message'],
  ])('with %s is malformed', async (_what, body, text) => {
    const server = await start([echo]);
    const refusal = await rawCall(server, '/test.Wire/Echo', body);
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'memoryhub/MALFORMED_MESSAGE', text });
  });

  it('that is no gRPC is refused as such', async () => {
    const server = await start([echo]);
    const refusal = await rawCall(server, '/test.Wire/Echo', Buffer.from('{}'), { 'content-type': 'application/json' });
    expect(refusal.http[':status']).toBe(415);
    await stillServes(server);
  });

  it('whose frame is cut is over when its caller is', async () => {
    const server = await start([echo]);
    const refusal = await rawCall(server, '/test.Wire/Echo', frame(Buffer.from('hello')).subarray(0, 7));
    expect(refusal.code).toBe('INVALID_ARGUMENT');
    await stillServes(server);
  });

  it('with broken binary metadata is served', async () => {
    const server = await start([echo]);
    const answer = await rawCall(server, '/test.Wire/Echo', frame(Buffer.from('x')), { 'x-thing-bin': '*not base64*' });
    expect(answer.code).toBe('OK');
  });
});

describe('a connection that is no gRPC', () => {
  it.each([
    ['HTTP/1.1', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['noise', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 31) % 256))],
    ['a preface and noise', Buffer.concat([Buffer.from(PREFACE), SETTINGS, Buffer.alloc(200, 0xff)])],
    [
      'a frame of a wrong size',
      Buffer.concat([Buffer.from(PREFACE), SETTINGS, Buffer.of(0, 0, 1, 6, 0, 0, 0, 0, 0, 1)]),
    ],
    [
      'headers that cannot be unpacked',
      Buffer.concat([Buffer.from(PREFACE), SETTINGS, Buffer.of(0, 0, 2, 1, 5, 0, 0, 0, 1, 0xff, 0xff)]),
    ],
  ])('%s is closed, and others are served', async (_what, bytes) => {
    const server = await start([echo]);
    await send(server, bytes);
    await stillServes(server);
    expect(server.seen.unexpected).toEqual([]);
  });

  it('that opens and resets calls as fast as it can does no harm', async () => {
    const server = await start([echo]);
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    session.on('error', () => {});
    for (let count = 0; count < 2000 && !session.destroyed; count++) {
      const request = session.request({
        ':method': 'POST',
        ':path': '/test.Wire/Echo',
        'content-type': 'application/grpc',
      });
      request.on('error', () => {});
      request.close();
      if (count % 100 === 0) await delay(0);
    }
    session.destroy();
    await stillServes(server);
    expect(server.seen.unexpected).toEqual([]);
  });
});

describe('connections', () => {
  it('are counted while they are open', async () => {
    const server = await start([echo]);
    expect(server.server.connections).toBe(0);
    await call(server, 'Echo');
    expect(server.server.connections).toBe(1);
    server.client.close();
    await until(() => server.server.connections === 0, 'the connection closed');
  });

  it('are dropped above the limit, and counted', async () => {
    const server = await start([echo], { limits: { maxConnections: 2 } });
    const held = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')];
    await until(() => server.server.connections === 2, 'two connections');
    await send(server, PREFACE);
    expect(server.seen.shed).toEqual(['CONNECTION_LIMIT']);
    for (const socket of held) socket.destroy();
    await until(() => server.server.connections === 0, 'none');
    await stillServes(server);
  });

  it('have as many calls at a time as they may, and the others wait', async () => {
    let running = 0;
    let most = 0;
    const server = await start(
      [
        unary('Count', async () => {
          most = Math.max(most, ++running);
          await delay(5);
          running -= 1;
          return '';
        }),
      ],
      { limits: { maxConcurrentStreams: 4 } },
    );
    await Promise.all(Array.from({ length: 40 }, () => call(server, 'Count')));
    expect(most).toBeLessThanOrEqual(4);
    expect(server.seen.ended).toHaveLength(40);
  });
});
