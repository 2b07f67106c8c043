import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { canonical } from '../../src/server/domain/canonical.ts';
import { requestHash } from '../../src/server/domain/request-hash.ts';

const hex = (request: object, rpc = 'SaveMemory', access = UNBOUND) =>
  Buffer.from(requestHash(rpc, access, request)).toString('hex');

/** What is hashed, put together in the plain way. */
function sortedJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const sorted = fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, field]) => `${JSON.stringify(name)}:${sortedJson(field)}`).join(',')}}`;
}

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
  it('never changes for the same request: it is kept for a day, and servers of two versions may meet it', () => {
    const value = fc.anything({ withBigInt: true, values: [fc.string({ unit: 'binary' }), fc.double(), fc.nat()] });
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), value), (request) => {
        expect(canonical(request)).toBe(sortedJson(request));
        const text = Buffer.from(`SaveMemory\n[""]\n${sortedJson(request)}`);
        expect(hex(request)).toBe(hash('sha256', text, 'hex'));
      }),
    );
    const note = 'á'.repeat(600_000);
    for (const request of [{ note }, { a: 1 }, { note, a: ['\ud800', '"', '\u007f', -0] }]) {
      expect(hex(request)).toBe(hash('sha256', `SaveMemory\n[""]\n${sortedJson(request)}`, 'hex'));
    }
    expect(hex({ requestId: 'x', memory: { content: 'y', tags: [] } })).toBe(
      '015e7939020aa584bfaae579012e78c79c567fffbca756f4b913a8adb4159c92',
    );
  });

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
