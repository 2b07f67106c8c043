import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { TokenSealer } from '../../src/server/security/token-sealer.ts';
import { LIMITS } from '../../src/shared/limits.ts';

const key = Buffer.alloc(32, 7);
const sealer = new TokenSealer(key);
const payload = Buffer.from('{"after":17}');

function refusal(open: () => unknown): unknown {
  try {
    return open();
  } catch (error) {
    return error instanceof ServiceError ? error.reason : error;
  }
}

describe('a sealed token', () => {
  it('opens on every server with the same key, in its context', () => {
    const token = sealer.seal(payload, 'list 7');
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(Buffer.from(new TokenSealer(Buffer.alloc(32, 7)).open(token, 'list 7', 'page_token'))).toEqual(payload);
  });

  it('tells nothing of what is in it, and is never the same twice', () => {
    const [first, second] = [sealer.seal(payload, ''), sealer.seal(payload, '')];
    expect(first).not.toBe(second);
    expect(Buffer.from(first, 'base64url').includes(payload)).toBe(false);
  });

  it('may be empty inside', () => {
    expect(sealer.open(sealer.seal(Buffer.alloc(0), 'x'), 'x', 'page_token').byteLength).toBe(0);
  });

  it.each(['list 8', 'list 7 ', ''])('does not open in the context %j', (context) => {
    expect(refusal(() => sealer.open(sealer.seal(payload, 'list 7'), context, 'page_token'))).toBe('INVALID_TOKEN');
  });

  it('does not open with another key', () => {
    const other = new TokenSealer(Buffer.alloc(32, 8));
    expect(refusal(() => other.open(sealer.seal(payload, 'x'), 'x', 'page_token'))).toBe('INVALID_TOKEN');
  });

  it('does not open when any one bit of it is changed', () => {
    const bytes = Buffer.from(sealer.seal(payload, 'x'), 'base64url');
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(refusal(() => sealer.open(changed.toString('base64url'), 'x', 'page_token'))).toBe('INVALID_TOKEN');
    }
  });

  it('does not open when it is cut, made longer, or written differently', () => {
    const token = sealer.seal(Buffer.from('12'), 'x');
    for (let length = 0; length < token.length; length++) {
      expect(refusal(() => sealer.open(token.slice(0, length), 'x', 'page_token'))).toBe('INVALID_TOKEN');
    }
    const bytes = Buffer.from(token, 'base64url');
    for (const other of [`${token}A`, `${token}=`, `${token}\n`, ` ${token}`, bytes.toString('hex'), 'é', '\ud800']) {
      expect(refusal(() => sealer.open(other, 'x', 'page_token'))).toBe('INVALID_TOKEN');
    }
  });

  it('is refused unread when it is longer than a token may be', () => {
    expect(refusal(() => sealer.open('A'.repeat(10_000_000), 'x', 'page_token'))).toBe('INVALID_TOKEN');
  });

  it('is refused with the field it came in and its length in bytes', () => {
    const open = () => sealer.open('가'.repeat(LIMITS.tokenBytes.max), 'x', 'resume_token');
    const { max } = LIMITS.tokenBytes;
    const violations = [{ field: 'resume_token', description: `is ${3 * max} bytes; at most ${max} are allowed` }];
    expect(open).toThrow(expect.objectContaining({ reason: 'INVALID_TOKEN', violations }));
  });

  it('needs a key of 32 bytes', () => {
    expect(() => new TokenSealer(randomBytes(16))).toThrow('a sealing key has 32 bytes, not 16');
  });
});
