import { connect as connectHttp2 } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import type { ErrorReason } from '../../src/shared/error-reasons.ts';
import { call, frame, rawCall, refusalOf, start, stream, unary, until } from './harness.ts';

const echo = unary('Echo', async (_call, request) => request);
const TOO_LARGE = Buffer.of(0, 0xff, 0xff, 0xff, 0xff, 1);
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-00`;

/** Calls that grpc-js refuses itself: a name, the body, further headers, and the reason. */
const REFUSED: [string, Buffer, Record<string, string>, ErrorReason, number][] = [
  ['a message that is too large', TOO_LARGE, {}, 'MESSAGE_TOO_LARGE', 8],
  ['no message', Buffer.alloc(0), {}, 'MALFORMED_MESSAGE', 3],
  ['two messages', Buffer.concat([frame(Buffer.of(1)), frame(Buffer.of(2))]), {}, 'MALFORMED_MESSAGE', 3],
  ['a bad grpc-timeout', frame(Buffer.of(1)), { 'grpc-timeout': '-5S' }, 'INVALID_FIELD', 3],
  ['an unknown encoding', frame(Buffer.of(1), 1), { 'grpc-encoding': 'br' }, 'UNIMPLEMENTED', 12],
  ['what cannot be unpacked', frame(Buffer.of(1), 1), { 'grpc-encoding': 'gzip' }, 'MALFORMED_MESSAGE', 3],
];

describe('a call that grpc-js refuses', () => {
  const lists = stream('List', async function* () {
    yield 'x';
  });

  describe.each(['Echo', 'List'])('of %s', (name) => {
    it.each(REFUSED)('with %s is counted and logged, once, and has its x-request-id', async (...given) => {
      const [, body, headers, reason, code] = given;
      const server = await start([echo, lists]);
      const path = `/test.Wire/${name}`;
      const sent = { ...headers, 'x-request-id': 'find-me', traceparent: TRACEPARENT };
      const refusal = await rawCall(server, path, body, sent);
      expect(refusal.reason).toBe(`memoryhub/${reason}`);
      expect(refusal.trailers.get('x-request-id')).toEqual(['find-me']);
      expect(server.seen.begun).toBe(1);
      expect(server.seen.ended).toMatchObject([{ path, code, peer: '127.0.0.1', keyId: '' }]);
      expect(server.seen.lines).toEqual([{ path, callId: 'find-me', reason, traceId: TRACE_ID }]);
    });
  });

  it('is given an x-request-id when it brought none', async () => {
    const server = await start([echo]);
    const refusal = await rawCall(server, '/test.Wire/Echo', TOO_LARGE);
    expect(refusal.trailers.get('x-request-id')).toEqual([server.seen.lines[0]?.callId]);
    expect(server.seen.lines[0]?.callId).toMatch(/^[\w-]{8}\.[0-9a-z]+$/);
  });

  it('is not served, though a good message came first', async () => {
    const handled: string[] = [];
    const server = await start([
      unary('Echo', async (_call, request) => {
        handled.push(request);
        return request;
      }),
    ]);
    const body = Buffer.concat([frame(Buffer.from('good')), TOO_LARGE]);
    expect((await rawCall(server, '/test.Wire/Echo', body)).reason).toBe('memoryhub/MESSAGE_TOO_LARGE');
    await call(server, 'Echo', 'after it');
    expect(handled).toEqual(['after it']);
    expect(server.seen.ended).toHaveLength(2);
  });

  it('of a method that does not exist is under no name of its own', async () => {
    const server = await start([echo]);
    await rawCall(server, '/test.Wire/Chosen', frame(Buffer.of(1)));
    expect(server.seen).toMatchObject({ begun: 0, ended: [], lines: [] });
  });

  it('by its deadline while it is served is counted by its handler only, and has its x-request-id', async () => {
    const server = await start([
      unary(
        'Wait',
        (context) =>
          new Promise((_, reject) => {
            context.signal.addEventListener('abort', () => reject(context.signal.reason));
          }),
      ),
    ]);
    const sent = { 'grpc-timeout': '50m', 'x-request-id': 'late' };
    const refusal = await rawCall(server, '/test.Wire/Wait', frame(Buffer.of(1)), sent);
    expect(refusal.trailers.get('x-request-id')).toEqual(['late']);
    await until(() => server.seen.ended.length > 0, 'the end of the call');
    expect(server.seen.begun).toBe(1);
    expect(server.seen.lines).toMatchObject([{ callId: 'late', reason: 'DEADLINE_EXCEEDED' }]);
  });

  it('by its deadline before its message came is counted too', async () => {
    const server = await start([echo]);
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    const request = session.request({
      ':method': 'POST',
      ':path': '/test.Wire/Echo',
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': '20m',
    });
    request.resume().on('error', () => {});
    await until(() => server.seen.ended.length > 0, 'the end of the call');
    session.destroy();
    expect(server.seen.lines).toMatchObject([{ reason: 'DEADLINE_EXCEEDED' }]);
  });
});

describe('the trace id of a log line', () => {
  it('is the caller’s though the call is not traced', async () => {
    const server = await start([echo, unary('Break', () => Promise.reject(new Error('a bug')))]);
    await call(server, 'Echo', '', { headers: { traceparent: TRACEPARENT } });
    await refusalOf(call(server, 'Break', '', { headers: { traceparent: TRACEPARENT } }));
    expect(server.seen.lines.map(({ traceId }) => traceId)).toEqual([TRACE_ID, TRACE_ID]);
    expect(server.seen.unexpected).toMatchObject([{ traceId: TRACE_ID }]);
    // Statistics lead to traces that there are.
    expect(server.seen.ended.map(({ traceId }) => traceId)).toEqual([undefined, undefined]);
  });

  it.each([
    'nonsense',
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
    `ff-${TRACE_ID}-b7ad6b7169203331-01`,
    `00-${TRACE_ID.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${TRACE_ID}-b7ad6b7169203331-01x`,
  ])('is none of %s', async (traceparent) => {
    const server = await start([echo]);
    await call(server, 'Echo', '', { headers: { traceparent } });
    expect(server.seen.lines[0]?.traceId).toBeUndefined();
  });
});

describe('what the server does to protect itself', () => {
  it('is counted by its reason, and nothing else is', async () => {
    const reasons: ErrorReason[] = ['OVERLOADED', 'READER_STALLED', 'SHUTTING_DOWN', 'INTERNAL', 'ETAG_MISMATCH'];
    const server = await start([
      unary('Fail', (_call, reason) => Promise.reject(new ServiceError(reason as ErrorReason, 'x'))),
    ]);
    for (const reason of reasons) await refusalOf(call(server, 'Fail', reason));
    expect(server.seen.shed).toEqual(['OVERLOADED', 'READER_STALLED', 'SHUTTING_DOWN']);
  });
});
