import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { ERROR_REASONS, type ErrorReason } from '../../src/shared/error-reasons.ts';
import { call, frame, rawCall, refusalOf, start, unary } from './harness.ts';

function throwing(error: unknown) {
  return unary('Throw', async () => {
    throw error;
  });
}

describe('an error that is known', () => {
  it.each(Object.entries(ERROR_REASONS))('%s leaves with code %i and its reason', async (reason, code) => {
    const server = await start([
      throwing(new ServiceError(reason as ErrorReason, 'a sentence', { metadata: { a: 'b' } })),
    ]);
    const refusal = await rawCall(server, '/test.Wire/Throw', frame(Buffer.alloc(0)));
    expect(refusal.http['grpc-status']).toBe(String(code));
    expect(refusal).toMatchObject({ text: 'a sentence', reason: `memoryhub/${reason}`, info: { a: 'b' } });
    expect(server.seen.ended[0]?.code).toBe(code);
    expect(server.seen.lines[0]?.reason).toBe(reason);
  });

  it('carries its bad fields', async () => {
    const violations = [
      { field: 'memory.content', description: 'is 300000 bytes; at most 262144 bytes are allowed' },
      { field: 'memory.tags[1]', description: 'is empty' },
    ];
    const server = await start([throwing(new ServiceError('INVALID_FIELD', 'bad', { violations }))]);
    expect((await refusalOf(call(server, 'Throw'))).violations).toEqual(violations);
  });

  it('says when to come back, in its details and as gRPC retry pushback', async () => {
    const server = await start([throwing(new ServiceError('OVERLOADED', 'full', { retryAfterMs: 1250.5 }))]);
    const refusal = await refusalOf(call(server, 'Throw'));
    expect(refusal.retryDelayMs).toBe(1250.5);
    expect(refusal.trailers.get('grpc-retry-pushback-ms')).toEqual(['1251']);
  });

  it('has the request id in its trailers', async () => {
    const server = await start([throwing(new ServiceError('OVERLOADED', 'full'))]);
    const refusal = await refusalOf(call(server, 'Throw', '', { headers: { 'x-request-id': 'r-1' } }));
    expect(refusal.trailers.get('x-request-id')).toEqual(['r-1']);
  });

  it('stays small enough for every client however many fields are bad', async () => {
    const violations = Array.from({ length: 1000 }, (_, index) => ({
      field: `memories[${index}]`,
      description: 'bad',
    }));
    const server = await start([throwing(new ServiceError('INVALID_FIELD', 'bad', { violations }))]);
    const refusal = await refusalOf(call(server, 'Throw'));
    expect(refusal.violations.length).toBeGreaterThan(50);
    expect((refusal.trailers.get('grpc-status-details-bin')[0] as Buffer).byteLength).toBeLessThanOrEqual(4096);
  });

  it('can have a lone surrogate or any length of text in its message', async () => {
    const text = `\ud800 ${'x'.repeat(5000)}`;
    const server = await start([throwing(new ServiceError('INVALID_FIELD', text, { metadata: { text: '\udc00' } }))]);
    const refusal = await refusalOf(call(server, 'Throw'));
    expect(refusal.text).toBe(`\ufffd ${'x'.repeat(998)}…`);
    expect(refusal.info).toEqual({ text: '\ufffd' });
  });
});

describe('an error that nobody expected', () => {
  it.each([
    ['an error', new TypeError('secret: postgres://user:password@host')],
    ['an error with a code', Object.assign(new Error('secret'), { code: 3, details: 'secret' })],
    ['a text', 'secret'],
    ['nothing', undefined],
    ['an object without a prototype', Object.create(null)],
  ])('%s becomes INTERNAL with a fixed text, and its cause is logged', async (_what, error) => {
    const server = await start([throwing(error)]);
    const refusal = await refusalOf(call(server, 'Throw', '', { headers: { 'x-request-id': 'find-me' } }));
    expect(refusal).toMatchObject({
      code: 'INTERNAL',
      reason: 'memoryhub/INTERNAL',
      text: 'internal error; the server log has its cause under the x-request-id of this call',
    });
    expect(JSON.stringify(refusal.trailers)).not.toContain('secret');
    expect(server.seen.unexpected).toEqual([
      { path: '/test.Wire/Throw', callId: 'find-me', traceId: undefined, error },
    ]);
  });

  it('thrown before the first promise is caught too', async () => {
    const server = await start([
      unary('Throw', () => {
        throw new Error('at once');
      }),
    ]);
    expect((await refusalOf(call(server, 'Throw'))).code).toBe('INTERNAL');
  });

  it('thrown later is caught too', async () => {
    const server = await start([unary('Throw', () => delay(10).then(() => Promise.reject(new Error('later'))))]);
    expect((await refusalOf(call(server, 'Throw'))).code).toBe('INTERNAL');
  });

  it('of an answer that cannot be encoded is INTERNAL', async () => {
    const server = await start([unary('Bad', async () => 5 as unknown as string)]);
    expect((await refusalOf(call(server, 'Bad'))).code).toBe('INTERNAL');
    expect(server.seen.unexpected).toHaveLength(1);
  });

  it('of metadata that cannot be sent is INTERNAL', async () => {
    const server = await start([
      unary('Bad', async (context) => {
        context.setMetadata('x-bad', 'new\nline');
        return '';
      }),
    ]);
    expect((await refusalOf(call(server, 'Bad'))).code).toBe('INTERNAL');
  });
});
