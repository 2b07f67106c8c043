import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { requestHash } from '../../src/server/domain/request-hash.ts';

const hex = (request: object, rpc = 'SaveMemory', access = UNBOUND) =>
  Buffer.from(requestHash(rpc, access, request)).toString('hex');

/** The same object with its names in the opposite order, at every depth. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, item]) => [name, reversed(item)]),
  );
}

describe('the hash of a request', () => {
  it('does not depend on the order of names, at any depth', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (request) => {
        expect(hex(reversed(request) as object)).toBe(hex(request));
      }),
    );
  });

  it('differs whenever the request does', () => {
    const request = fc.dictionary(fc.string({ maxLength: 2 }), fc.jsonValue({ maxDepth: 2 }));
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([name, item]) => [name, sorted(item)])
          : value;
    fc.assert(
      fc.property(request, request, (a, b) => {
        if (hex(a) === hex(b)) expect(JSON.stringify(sorted(a))).toBe(JSON.stringify(sorted(b)));
      }),
    );
    expect(hex({ a: '1' })).not.toBe(hex({ a: 1 }));
    expect(hex({ a: ['b', 'c'] })).not.toBe(hex({ a: ['b,c'] }));
    expect(hex({ a: 5n })).not.toBe(hex({ a: 6n }));
  });

  it('differs by RPC and by what the credential reaches, not by the order of teams', () => {
    expect(hex({}, 'SaveMemory')).not.toBe(hex({}, 'UpdateMemory'));
    expect(hex({}, 'SaveMemory', { userId: 'a', teams: [] })).not.toBe(hex({}));
    expect(hex({}, 'SaveMemory', { userId: '', teams: ['a', 'b'] })).toBe(
      hex({}, 'SaveMemory', { userId: '', teams: ['b', 'a'] }),
    );
  });

  it('leaves absent fields out', () => {
    expect(hex({ a: 1, b: undefined })).toBe(hex({ a: 1 }));
  });
});
