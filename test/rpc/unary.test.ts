import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Stage } from '../../src/server/domain/call-context.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { CALL_CHAIN } from '../../src/server/rpc/call-chain.ts';
import type { Call } from '../../src/server/rpc/method.ts';
import { EncodedMessage } from '../../src/server/rpc/method.ts';
import { call, cancelledCall, frame, READER, rawCall, refusalOf, start, unary, until } from './harness.ts';

const echo = unary('Echo', async (_call, request) => request);

describe('a unary call', () => {
  it('is answered, with its request id in the metadata', async () => {
    const server = await start([echo]);
    const answer = await call(server, 'Echo', 'hello', { headers: { 'x-request-id': 'my-id.1' } });
    expect(answer.text).toBe('hello');
    expect(answer.headers.get('x-request-id')).toEqual(['my-id.1']);
  });

  it('is given a request id when it brings none that can be used', async () => {
    const server = await start([echo]);
    const answer = await call(server, 'Echo', '', { headers: { 'x-request-id': 'a b"c' } });
    const [id] = answer.headers.get('x-request-id');
    expect(id).toMatch(/^[\w-]{8}\.[0-9a-z]+$/);
    expect((await call(server, 'Echo')).headers.get('x-request-id')).not.toEqual([id]);
  });

  it('passes encoded messages through and sends what the handler sets as metadata', async () => {
    const bytes = Buffer.from('..ready..').subarray(2, 7);
    const server = await start([
      unary('Ready', async (context) => {
        context.setMetadata('x-memoryhub-revision', '42');
        return new EncodedMessage(new Uint8Array(bytes));
      }),
    ]);
    const answer = await call(server, 'Ready');
    expect(answer.text).toBe('ready');
    expect(answer.headers.get('x-memoryhub-revision')).toEqual(['42']);
  });

  it('that has nothing to wait for is over before the turn it arrived in', async () => {
    const order: string[] = [];
    const server = await start(
      [
        unary('Now', () => {
          queueMicrotask(() => order.push('later'));
          order.push('handled');
          return 'now';
        }),
      ],
      {
        recorder: {
          shed: () => {},
          methods: (paths) =>
            paths.map(() => ({
              begin: () => {},
              end: () => order.push('ended'),
              streamOpened: () => {},
              streamStalled: () => {},
              streamClosed: () => {},
            })),
        },
      },
    );
    expect((await call(server, 'Now')).text).toBe('now');
    expect(order).toEqual(['handled', 'ended', 'later']);
  });

  it('whose account cannot be kept ends with an error, and the server goes on', async () => {
    const accessLog = {
      call: (_path: string, _id: string, { code }: { code: number }) => {
        if (code !== 0) throw new Error('the log is broken');
      },
    };
    const server = await start([echo], { accessLog });
    const refused = await refusalOf(call(server, 'Echo', '', { headers: { authorization: '' } }));
    expect(refused).toMatchObject({ code: 'UNKNOWN', message: expect.stringContaining('Unknown error') });
    expect(server.seen.unexpected).toMatchObject([{ path: '/test.Wire/Echo', error: new Error('the log is broken') }]);
    expect((await call(server, 'Echo', 'hello')).text).toBe('hello');
  });

  it('whose handler throws before it waits is told so', async () => {
    const server = await start([
      unary('Throw', () => {
        throw new ServiceError('MEMORY_NOT_FOUND', 'there is no such memory');
      }),
    ]);
    expect(await refusalOf(call(server, 'Throw'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(server.seen.ended).toHaveLength(1);
  });

  it('knows its caller', async () => {
    let seen: Call | undefined;
    const server = await start([
      unary('Who', async (context) => {
        seen = context;
        return '';
      }),
    ]);
    await call(server, 'Who');
    expect(seen).toMatchObject({ workspaceId: 7, workspace: 'seven', author: READER.name, keyId: READER.keyId });
    expect(seen?.deadlineAt).toBe(Infinity);
  });

  it('is recorded with code, bytes, stages and caller', async () => {
    const server = await start([
      unary('Work', async (context) => {
        context.observe(Stage.DATABASE, 'select', performance.now() - 20);
        await delay(30);
        return 'four';
      }),
    ]);
    await call(server, 'Work', 'request');
    const [record] = server.seen.ended;
    expect(record).toMatchObject({
      path: '/test.Wire/Work',
      code: 0,
      bytesReceived: 7,
      bytesSent: 4,
      messagesSent: 1,
      keyId: READER.keyId,
      keyName: READER.name,
      peer: '127.0.0.1',
      traceId: undefined,
    });
    expect(record?.stagesUs[Stage.DATABASE]).toBeGreaterThanOrEqual(20_000);
    expect(record?.stagesUs[Stage.DOMAIN]).toBeGreaterThan(0);
    expect(record?.elapsedUs).toBeGreaterThanOrEqual(29_000);
    expect(server.seen.begun).toBe(1);
  });

  it('is traced when the tracer samples it, from the caller’s headers on', async () => {
    const children: string[] = [];
    const ends: number[] = [];
    const server = await start(
      [
        unary('Traced', async (context) => {
          context.observe(Stage.CACHE, 'lookup', performance.now());
          return '';
        }),
      ],
      {
        tracer: {
          start: (path, header) => ({
            traceId: `${path} ${header('traceparent')} ${header('tracestate')}`,
            child: (stage, name, from, to) => children.push(`${stage} ${name} ${to >= from}`),
            end: (code) => ends.push(code),
          }),
        },
      },
    );
    await call(server, 'Traced', '', { headers: { traceparent: '00-abc' } });
    expect(server.seen.ended[0]?.traceId).toBe('/test.Wire/Traced 00-abc undefined');
    expect(children).toEqual([`${Stage.AUTH} authenticate true`, `${Stage.CACHE} lookup true`]);
    expect(ends).toEqual([0]);
  });
});

describe('the call chain', () => {
  it('says why each of its steps stands where it does', () => {
    expect(CALL_CHAIN.map((step) => step.name)).toEqual([
      'count',
      'trace',
      'host',
      'admit',
      'authenticate',
      'authorise',
      'limit',
      'deadline',
      'decode',
    ]);
    for (const step of CALL_CHAIN) expect(step.because.length).toBeGreaterThan(20);
  });

  it('refuses a call without a key before it looks at the message', async () => {
    const decoded: string[] = [];
    const method = unary('Guarded', async () => '');
    const server = await start([
      {
        ...method,
        definition: {
          ...method.definition,
          requestDeserialize: () => {
            decoded.push('it');
            return '';
          },
        },
      },
    ]);
    const refusal = await refusalOf(call(server, 'Guarded', 'x', { headers: { authorization: '' } }));
    expect(refusal).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'memoryhub/CREDENTIAL_MISSING' });
    expect(decoded).toEqual([]);
    expect(server.seen.ended[0]).toMatchObject({ code: 16, keyId: '', bytesReceived: 0 });
    expect(server.seen.lines).toMatchObject([{ path: '/test.Wire/Guarded', reason: 'CREDENTIAL_MISSING' }]);
  });

  it('refuses a wrong key', async () => {
    const server = await start([echo]);
    const refusal = await refusalOf(call(server, 'Echo', '', { headers: { authorization: 'Bearer bad' } }));
    expect(refusal).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'memoryhub/CREDENTIAL_INVALID' });
  });

  it('refuses a role that may not, and says which may', async () => {
    const server = await start([unary('Admin', async () => '', [Role.ADMIN, Role.OPERATOR])]);
    const refusal = await refusalOf(call(server, 'Admin'));
    expect(refusal).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'memoryhub/ROLE_DENIED' });
    expect(refusal.info).toEqual({ role: 'reader', needed: 'admin, operator' });
    expect(server.seen.ended[0]).toMatchObject({ code: 7, keyId: READER.keyId });
  });

  it('lets nobody call a method without roles', async () => {
    const server = await start([unary('Nobody', async () => '', [])]);
    expect(await refusalOf(call(server, 'Nobody'))).toMatchObject({ reason: 'memoryhub/ROLE_DENIED' });
  });

  it('waits for an authenticator that has to ask', async () => {
    const server = await start([echo], {
      authenticator: { verify: () => delay(5).then(() => READER) },
    });
    expect((await call(server, 'Echo', 'late')).text).toBe('late');
    expect(server.seen.ended[0]?.stagesUs[Stage.AUTH]).toBeGreaterThan(0);
  });

  it('answers with the error an authenticator rejects with', async () => {
    const server = await start([echo], {
      authenticator: { verify: () => Promise.reject(new ServiceError('DATABASE_UNAVAILABLE', 'no database')) },
    });
    expect(await refusalOf(call(server, 'Echo'))).toMatchObject({ code: 'UNAVAILABLE', text: 'no database' });
  });
});

describe('a deadline', () => {
  it('ends the call, aborts its signal and is counted as such', async () => {
    const aborted = Promise.withResolvers<unknown>();
    const server = await start([
      unary('Slow', async ({ signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        await aborted.promise;
        throw signal.reason;
      }),
    ]);
    const refusal = await rawCall(server, '/test.Wire/Slow', frame(Buffer.alloc(0)), { 'grpc-timeout': '50m' });
    expect(refusal.code).toBe('DEADLINE_EXCEEDED');
    expect(await aborted.promise).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    await until(() => server.seen.ended.length === 1, 'the call ended');
    expect(server.seen.ended[0]?.code).toBe(4);
    expect(server.seen.unexpected).toEqual([]);
  });

  it.each([
    ['close to it is the deadline, which the caller keeps by its own clock', '1S', 0.91, 'DEADLINE_EXCEEDED'],
    ['long before it is the caller’s own wish', '30S', 0, 'CANCELLED'],
  ])('a cancel %s', async (_when, timeout, part, expected) => {
    const aborted = Promise.withResolvers<unknown>();
    const gaveUp = new AbortController();
    const server = await start([
      unary('Slow', async ({ signal, deadlineAt }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.reason));
        await delay((deadlineAt - performance.now()) * part);
        gaveUp.abort();
        await aborted.promise;
        throw signal.reason;
      }),
    ]);
    await cancelledCall(server, '/test.Wire/Slow', timeout, gaveUp.signal);
    expect(await aborted.promise).toMatchObject({ reason: expected });
  });

  it('reaches a caller by its own clock, and the call is over here too', async () => {
    const server = await start([
      unary(
        'Slow',
        ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      ),
    ]);
    const refusal = await refusalOf(call(server, 'Slow', '', { deadline: Date.now() + 50 }));
    expect(refusal.code).toBe('DEADLINE_EXCEEDED');
    await until(() => server.seen.ended.length === server.seen.begun, 'the call ended');
    expect(server.seen.unexpected).toEqual([]);
  });

  it('is told with its reason to a caller whose own clock has not run out', async () => {
    const server = await start([unary('Slow', () => delay(300, ''))]);
    const refusal = await rawCall(server, '/test.Wire/Slow', frame(Buffer.alloc(0)), { 'grpc-timeout': '20m' });
    expect(refusal).toMatchObject({ code: 'DEADLINE_EXCEEDED', reason: 'memoryhub/DEADLINE_EXCEEDED' });
  });

  it('is kept for each call, in whatever order they came', async () => {
    const slow = unary('Slow', ({ signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const server = await start([slow]);
    const gaveUp = new AbortController();
    const far = cancelledCall(server, '/test.Wire/Slow', '60S', gaveUp.signal);
    const startedAt = performance.now();
    const ended: number[] = [];
    const ends = async (ms: number) => {
      const refusal = await rawCall(server, '/test.Wire/Slow', frame(Buffer.alloc(0)), { 'grpc-timeout': `${ms}m` });
      expect(refusal.code).toBe('DEADLINE_EXCEEDED');
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(ms);
      ended.push(ms);
    };
    await Promise.all([600, 200, 800, 400].map(ends));
    expect(ended).toEqual([200, 400, 600, 800]);
    expect(server.seen.ended).toHaveLength(4);
    gaveUp.abort();
    await far;
  });

  it.each(['0S', '0m', '1n'])('of %s does no work', async (timeout) => {
    let handled = 0;
    const server = await start([
      unary('Work', async () => {
        handled += 1;
        return '';
      }),
    ]);
    const refusal = await rawCall(server, '/test.Wire/Work', frame(Buffer.alloc(0)), { 'grpc-timeout': timeout });
    expect(refusal.code).toBe('DEADLINE_EXCEEDED');
    expect(handled).toBe(0);
  });

  it.each([
    ['600H', 'is 2160000 s; at most 86400 s, or none'],
    ['99999999S', 'is 99999999 s; at most 86400 s, or none'],
    ['1441M', 'is 86460 s; at most 86400 s, or none'],
    ['-5S', 'is not 1 to 8 digits and one of H, M, S, m, u, n'],
    ['5', 'is not 1 to 8 digits and one of H, M, S, m, u, n'],
    ['soon', 'is not 1 to 8 digits and one of H, M, S, m, u, n'],
    ['123456789S', 'is not 1 to 8 digits and one of H, M, S, m, u, n'],
  ])('of %s is refused with the limit', async (timeout, description) => {
    const server = await start([echo]);
    const refusal = await rawCall(server, '/test.Wire/Echo', frame(Buffer.from('x')), { 'grpc-timeout': timeout });
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'memoryhub/INVALID_FIELD' });
    expect(refusal.violations).toEqual([{ field: 'grpc-timeout', description }]);
  });

  it.each(['24H', '86400S', '1000m'])('of %s is taken', async (timeout) => {
    const server = await start([echo]);
    const answer = await rawCall(server, '/test.Wire/Echo', frame(Buffer.from('x')), { 'grpc-timeout': timeout });
    expect(answer.code).toBe('OK');
  });
});

describe('a caller that goes away', () => {
  it('aborts the signal of its call, which is counted as cancelled', async () => {
    let aborted = false;
    let ended: boolean[] = [];
    let begun: () => void = () => {};
    const handling = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const server = await start([
      unary('Wait', async (context) => {
        begun();
        ended = [context.ended];
        await delay(60_000, undefined, { signal: context.signal }).finally(() => {
          aborted = context.signal.aborted;
          ended.push(context.ended);
        });
        return '';
      }),
    ]);
    const caller = new AbortController();
    const refused = refusalOf(call(server, 'Wait', '', { signal: caller.signal }));
    await handling;
    caller.abort();
    expect((await refused).code).toBe('CANCELLED');
    await until(() => server.seen.ended.length === 1, 'the call ended');
    expect(aborted).toBe(true);
    expect(ended).toEqual([false, true]);
    expect(server.seen.ended[0]?.code).toBe(1);
    expect(server.seen.unexpected).toEqual([]);
  });

  it('is counted as cancelled when its handler never noticed', async () => {
    let finish: () => void = () => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const server = await start([unary('Deaf', () => work.then(() => 'too late'))]);
    const caller = new AbortController();
    const refused = refusalOf(call(server, 'Deaf', '', { signal: caller.signal }));
    await until(() => server.seen.begun === 1, 'the call began');
    caller.abort();
    await refused;
    await delay(20);
    finish();
    await until(() => server.seen.ended.length === 1, 'the call ended');
    expect(server.seen.ended[0]).toMatchObject({ code: 1, bytesSent: 0 });
  });
});
