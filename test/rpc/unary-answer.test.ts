import { type ClientHttp2Session, connect, type IncomingHttpHeaders, sensitiveHeaders } from 'node:http2';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { describe, expect, it, vi } from 'vitest';
import { call, closing, frame, refusalOf, start, type TestServer, unary } from './harness.ts';

interface OnTheWire {
  headers: IncomingHttpHeaders;
  trailers: IncomingHttpHeaders;
  readonly frames: Buffer[];
}

/** One call over a connection of its own. */
async function askAlone(server: TestServer, request: Buffer[], more?: IncomingHttpHeaders): Promise<OnTheWire> {
  const session = connect(`http://127.0.0.1:${server.port}`);
  const seen = await ask(session, request, more);
  await closing(session);
  return seen;
}

function ask(session: ClientHttp2Session, request: Buffer[], more: IncomingHttpHeaders = {}): Promise<OnTheWire> {
  return new Promise((resolve, reject) => {
    const asked = session.request({
      ':method': 'POST',
      ':path': '/test.Wire/Echo',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: 'Bearer good',
      ...more,
    });
    const seen: OnTheWire = { headers: {}, trailers: {}, frames: [] };
    asked.on('response', (headers) => {
      seen.headers = headers;
    });
    asked.on('trailers', (trailers) => {
      seen.trailers = trailers;
    });
    asked.on('data', (bytes: Buffer) => seen.frames.push(bytes));
    asked.on('error', reject);
    asked.on('close', () => resolve(seen));
    for (const part of request) asked.write(part);
    asked.end();
  });
}

const echo = unary('Echo', async (context, request) => {
  context.setMetadata('x-memoryhub-revision', '7');
  return request;
});

const CHANGING = ['x-memoryhub-revision', 'x-request-id'];

describe('an answer', () => {
  it('has the headers, the message and the trailers the protocol asks for, and no more', async () => {
    const { headers, trailers, frames } = await askAlone(await start([echo]), [frame(Buffer.from('hello'))], {
      'x-request-id': 'mine',
    });
    expect(headers).toMatchObject({
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'x-memoryhub-revision': '7',
      'x-request-id': 'mine',
    });
    expect(Object.keys(headers)).toHaveLength(4);
    expect(trailers['grpc-status']).toBe('0');
    expect(Object.keys(trailers)).toHaveLength(1);
    expect(Buffer.concat(frames)).toEqual(frame(Buffer.from('hello')));
  });

  it('leaves fields with another value each time out of the table of the connection, which knows their names', async () => {
    const server = await start([echo]);
    const session = connect(`http://127.0.0.1:${server.port}`);
    const sensitive = [];
    for (let answers = 0; answers < 3; answers++) {
      const { headers } = await ask(session, [frame(Buffer.from('hello'))]);
      sensitive.push([...Reflect.get(headers, sensitiveHeaders)].sort());
    }
    await closing(session);
    expect(sensitive).toEqual([[], CHANGING, CHANGING]);
  });

  it('goes the short way', async () => {
    const sendMessage = vi.spyOn(BaseServerInterceptingCall.prototype, 'sendMessage');
    const server = await start([echo]);
    expect((await call(server, 'Echo', 'hello')).text).toBe('hello');
    expect(sendMessage).not.toHaveBeenCalled();
    sendMessage.mockRestore();
  });

  it('is a refusal where HTTP/2 does not take its headers', async () => {
    const bad = unary('Bad', (context, text) => {
      context.setMetadata('connection', 'close');
      return text;
    });
    const server = await start([bad]);
    const refusal = await refusalOf(call(server, 'Bad', 'hello', { deadline: Date.now() + 2_000 }));
    expect(refusal).toMatchObject({ code: 'INTERNAL' });
    expect(server.seen.unexpected).toHaveLength(1);
  });

  it('comes whole where it is larger than what the caller takes at a time', async () => {
    const text = 'Deploys happen on Tuesdays. '.repeat(30_000);
    const { frames, trailers } = await askAlone(await start([echo]), [frame(Buffer.from(text))]);
    expect(Buffer.concat(frames).subarray(5).toString()).toBe(text);
    expect(trailers['grpc-status']).toBe('0');
  });
});
