import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { readOrder } from '../../src/server/domain/paging.ts';
import { readExpiry } from '../../src/server/domain/validation/expiry.ts';
import { readMetadata } from '../../src/server/domain/validation/metadata.ts';
import { checkIdentifier, checkTags, checkText, readEtag } from '../../src/server/domain/validation/text.ts';
import { Violations } from '../../src/server/domain/validation/violations.ts';
import { LIMITS } from '../../src/shared/limits.ts';

/** What a check finds: "field: description" each. */
function found(check: (violations: Violations) => unknown): string[] {
  const violations = new Violations();
  check(violations);
  try {
    violations.check();
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return error.violations.map(({ field, description }) => `${field}: ${description}`);
  }
  return [];
}

it('a refusal says how many fields are bad, however few it names', () => {
  const violations = new Violations();
  for (let item = 0; item < 1000; item++) violations.add(`memories[${item}]`, 'is bad');
  expect(() => violations.check()).toThrow('memories[0]: is bad (and 999 more)');
});

const NOW = Date.UTC(2026, 0) * 1000;
const CENTURY = BigInt(LIMITS.ttlSeconds.max);

describe('text', () => {
  const text = (value: string) => found((violations) => checkText(violations, 'note', value, LIMITS.noteBytes));

  it('is counted in bytes of UTF-8, exactly at the limit', () => {
    expect(text('é'.repeat(128))).toEqual([]);
    expect(text(`${'é'.repeat(128)}x`)).toEqual(['note: is 257 bytes; at most 256 are allowed']);
  });

  it('is refused for NUL and half surrogates, by place and without repeating it', () => {
    expect(text('ab\0c')).toEqual(['note: has a NUL (U+0000) at character 3']);
    expect(text('ab\ud800')).toEqual(['note: has half of a surrogate pair: it is not valid Unicode']);
    expect(text('\u0001\u200b\ufeff\u202e')).toEqual([]);
  });
});

describe('a plain identifier', () => {
  const identifier = (value: string) => found((violations) => checkIdentifier(violations, 'team', value));

  it('is one line without white space around it; empty is none', () => {
    for (const fine of ['', 'a', 'a b', 'Ünïcode-名前', 'a@b.c/d:e', '🦉']) expect(identifier(fine)).toEqual([]);
    expect(identifier('a\tb')).toEqual(['team: has a control character at character 2']);
    expect(identifier(' a')).toEqual(['team: begins or ends with white space']);
    expect(identifier('a\u00a0')).toEqual(['team: begins or ends with white space']);
    expect(identifier('x'.repeat(129))).toEqual(['team: is 129 bytes; at most 128 are allowed']);
  });
});

describe('tags', () => {
  const tags = (value: string[]) => found((violations) => checkTags(violations, 'tags', value));

  it('are up to 64, each of 1 to 128 bytes, none twice', () => {
    const many = Array.from({ length: 65 }, (_, index) => `t${index}`);
    expect(tags(many.slice(0, 64))).toEqual([]);
    expect(tags(many)).toEqual(['tags: is 65 tags; at most 64 are allowed']);
    expect(tags(['a', '', 'A', 'a', 'x'.repeat(129)])).toEqual([
      'tags[1]: is 0 bytes; at least 1 are needed',
      'tags[3]: is the same as tags[0]',
      'tags[4]: is 129 bytes; at most 128 are allowed',
    ]);
  });
});

describe('an etag', () => {
  it('is a change number that a number holds exactly', () => {
    const etag = (value: string) => readEtag(new Violations(), 'etag', value);
    expect([etag(''), etag('7'), etag('9007199254740991')]).toEqual([undefined, 7, 9007199254740991]);
    for (const wrong of ['-1', '1.0', '0x1', ' 1', '9007199254740992', '1e3', '99999999999999999999']) {
      expect(found((violations) => readEtag(violations, 'etag', wrong))).toHaveLength(1);
    }
  });
});

describe('metadata', () => {
  const metadata = (value: { [name: string]: unknown }) =>
    found((violations) => readMetadata(violations, 'metadata', value));

  it('is any JSON within its limits', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        fc.pre(!JSON.stringify(value).includes('\\u0000') && JSON.stringify(value).isWellFormed());
        fc.pre(!/\\ud[89a-f]/.test(JSON.stringify(value)));
        expect(metadata(value)).toEqual([]);
      }),
    );
  });

  it('is refused for what jsonb does not hold, wherever it is', () => {
    const wrong = [Number.NaN, Infinity, -Infinity, 'a\0', '\ud800', undefined, { '\0': 1 }, { '\udc00': 1 }];
    const nest = [(value: unknown) => value, (value: unknown) => [value], (value: unknown) => ({ a: [{ b: value }] })];
    for (const value of wrong) for (const inside of nest) expect(metadata({ x: inside(value) })).toHaveLength(1);
  });

  it('is up to 16 levels deep and 16 KiB, exactly', () => {
    const deep = (levels: number): { [name: string]: unknown } => (levels === 1 ? {} : { a: deep(levels - 1) });
    expect(metadata(deep(16))).toEqual([]);
    expect(metadata(deep(17))).toEqual(['metadata: is more than 16 levels deep; at most 16 are allowed']);
    const sized = (bytes: number) => ({ a: 'é'.repeat((bytes - 8) / 2) });
    expect(metadata(sized(16_384))).toEqual([]);
    expect(metadata(sized(16_386))).toEqual(['metadata: is 16386 bytes; at most 16384 are allowed']);
  });
});

describe('when a memory expires', () => {
  const at = (expireTime: bigint | undefined, ttl: bigint | undefined, nanos = 0) =>
    found((violations) => {
      violations.at('memory');
      readExpiry(
        violations,
        {
          expireTime: expireTime === undefined ? undefined : { seconds: expireTime, nanos },
          ttl: ttl === undefined ? undefined : { seconds: ttl, nanos },
        },
        NOW,
      );
    });
  const now = BigInt(NOW / 1_000_000);

  it('is to come, and at most 100 years away', () => {
    expect(at(undefined, undefined)).toEqual([]);
    expect(at(now, undefined, 1000)).toEqual([]);
    expect(at(now, undefined)).toEqual(['memory.expire_time: is in the past; a time to come is needed']);
    expect(at(now + CENTURY, undefined)).toEqual([]);
    expect(at(now + CENTURY + 1n, undefined)).toEqual([
      `memory.expire_time: is ${CENTURY + 1n} seconds from now; at most ${CENTURY} are allowed`,
    ]);
    expect(at(2n ** 62n, undefined)).toHaveLength(1);
  });

  it('is wrong only by the time that has passed when nothing else is', () => {
    const lapsed = (nanos: number, more: boolean) => {
      const violations = new Violations();
      readExpiry(violations, { expireTime: { seconds: now - 1n, nanos }, ttl: undefined }, NOW);
      if (more) violations.add('memory.content', 'is wrong too');
      return violations.onlyLapsed;
    };
    expect(lapsed(0, false)).toBe(true);
    expect(lapsed(0, true)).toBe(false);
    expect(lapsed(-1, false)).toBe(false);
    expect(new Violations().onlyLapsed).toBe(false);
  });

  it('or a time to live of 1 s to 100 years', () => {
    expect(at(undefined, 1n)).toEqual([]);
    expect(at(undefined, CENTURY)).toEqual([]);
    expect(at(undefined, 0n, 999_999_999)).toEqual(['memory.ttl: is 0.999999999 seconds; at least 1 are needed']);
    expect(at(undefined, CENTURY, 1_000_000)).toHaveLength(1);
    expect(at(undefined, -5n)).toHaveLength(1);
    expect(at(undefined, 1n, -1)).toEqual(['memory.ttl: has -1 nanos; 0 to 999999999 are allowed']);
  });

  it('and not both', () => {
    expect(at(now + 5n, 5n)).toEqual(['memory.ttl: is given together with expire_time; only one of them may be']);
  });
});

describe('order_by', () => {
  it('is one of two columns in either direction', () => {
    const order = (text: string) => readOrder(new Violations(), text);
    expect(order('')).toEqual({ by: 'create_time', descending: true });
    expect(order('create_time')).toEqual({ by: 'create_time', descending: false });
    expect(order('update_time desc')).toEqual({ by: 'update_time', descending: true });
    for (const wrong of ['create_time DESC', 'id', 'create_time, update_time', 'create_time descending', 'desc']) {
      expect(found((violations) => readOrder(violations, wrong))).toHaveLength(1);
    }
  });
});
