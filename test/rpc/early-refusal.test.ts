import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { call, frame, rawCall, refusalOf, start, type TestServer, unary, until } from './harness.ts';

const LIMIT = 1024;
const sessions: ClientHttp2Session[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});

/** Sends the headers of calls, and nothing more of them. */
function begin({ port }: TestServer, calls: number): ClientHttp2Stream[] {
  const requests: ClientHttp2Stream[] = [];
  while (requests.length < calls) {
    const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {});
    sessions.push(session);
    // A connection takes 256 calls at a time.
    for (let n = 0; n < 256 && requests.length < calls; n++) {
      const request = session.request({
        ':method': 'POST',
        ':path': '/test.Wire/Wait',
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: 'Bearer good',
      });
      requests.push(request.on('error', () => {}).resume());
    }
  }
  return requests;
}

/** A server that has as many calls of "Wait" under way as it lets in, and can end them. */
async function full(trustedHosts?: readonly string[]) {
  let under = 0;
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const wait = unary('Wait', async () => {
    under += 1;
    await released;
    return 'done';
  });
  const other = unary('Other', (_call, text) => text);
  const server = await start([wait, other], { overloadLagMs: 60_000, trustedHosts });
  for (const request of begin(server, LIMIT)) request.end(frame(Buffer.of(1)));
  await until(() => under === LIMIT, 'as many as are let in are under way');
  return { server, release };
}

describe('a call that there is no room for', () => {
  it('is refused before its message is there, which need not be sent then, and has its account', async () => {
    const { server } = await full();
    const [request] = begin(server, 1);
    const status = await new Promise<unknown>((resolve) =>
      request?.once('response', (headers) => resolve(headers['grpc-status'])),
    );
    expect(status).toBe('8');
    await until(() => request?.closed === true, 'the stream is closed');
    expect(request?.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    expect(server.seen.begun).toBe(LIMIT + 1);
    expect(server.seen.ended).toMatchObject([
      { path: '/test.Wire/Wait', code: 8, peer: '127.0.0.1', bytesReceived: 0 },
    ]);
    expect(server.seen.lines).toMatchObject([{ path: '/test.Wire/Wait', reason: 'OVERLOADED' }]);
    expect(server.seen.shed).toEqual(['OVERLOADED']);
  });

  it('is told so, and when to come back, also when its message is large', async () => {
    const { server, release } = await full();
    const refusal = await refusalOf(call(server, 'Wait', Buffer.alloc(3 * 1024 * 1024)));
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'memoryhub/OVERLOADED', retryDelayMs: 200 });
    expect((await call(server, 'Other', 'of another method')).text).toBe('of another method');
    release();
    await until(() => server.seen.ended.length === LIMIT + 2, 'all have ended');
    expect((await call(server, 'Wait')).text).toBe('done');
  });

  it('is told first that it is meant for another server', async () => {
    const { server } = await full(['127.0.0.1', 'localhost']);
    const refusal = await rawCall(server, '/test.Wire/Wait', frame(Buffer.of(1)), { ':authority': 'elsewhere' });
    expect(refusal.reason).toBe('memoryhub/HOST_NOT_TRUSTED');
    expect(server.seen.shed).toEqual([]);
  });
});

describe('callers who send no message', () => {
  it('keep nobody out', async () => {
    const server = await start([unary('Wait', (_call, text) => text)], { overloadLagMs: 60_000 });
    begin(server, LIMIT + 100);
    // Answered behind what was sent before it.
    await Promise.all(sessions.map((session) => new Promise((answered) => session.ping(answered))));
    expect((await call(server, 'Wait', 'let in')).text).toBe('let in');
    expect(server.seen.shed).toEqual([]);
  });
});
