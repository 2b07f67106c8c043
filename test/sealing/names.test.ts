import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/server/domain/memory.ts';
import { conceal, placeholdersIn, revealIn, versionIn } from '../../src/server/domain/sealing/placeholders.ts';
import { isHiddenName, SensitiveNames } from '../../src/shared/sensitive-names.ts';

const names = new SensitiveNames(['pin code']);

describe('a name', () => {
  it.each([
    ...['api_key', 'apiKey', 'APIKey', 'API-KEY', 'apikey', 'ApiKey', 'x-api-key', 'openai.api_key', 'OPENAI_API_KEY'],
    ...['password', 'Password', 'db-password', 'dbPassword', 'DB PASSWORD', 'token', 'accessToken', 'refresh_token'],
    ...['secret', 'client_secret', 'clientSecret', 'ｐａｓｓｗｏｒｄ', 'pin code', 'pinCode', 'user_pin-code'],
  ])('%s is sensitive', (name) => {
    expect(names.has(name)).toBe(true);
  });

  it.each([
    ...['', 'key', 'api', 'max_tokens', 'tokens', 'token_count', 'tokenizer', 'secretary', 'passwordless', 'pin'],
    ...['password_changed_at', 'secrets', 'keyboard', 'monkey', 'author', '__proto__', 'constructor', '-', 'code'],
  ])('%j is not', (name) => {
    expect(names.has(name)).toBe(false);
  });

  it.each([
    ...[
      'api_key',
      'apiKey',
      'db-password',
      'accessToken',
      'client_secret',
      'authtoken',
      'openai.apikey',
      'ｐａｓｓｗｏｒｄ',
    ],
    ...['smtp.pass', 'passwd', 'sshPassphrase', 'private-key', 'aws_credentials', 'Authorization', 'set-cookie'],
  ])('%s is hidden on screens, also where its value is not sealed', (name) => {
    expect(isHiddenName(name)).toBe(true);
  });

  it.each(['', 'key', 'max_tokens', 'token_count', 'author', 'passwordless', 'ticket', 'steps'])(
    '%j is shown',
    (name) => {
      expect(isHiddenName(name)).toBe(false);
    },
  );

  it('that is sealed is hidden', () => {
    const sealed = new SensitiveNames();
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('x.api_key', 'dbPassword', 'a token', 'SECRET')), (name) => {
        if (sealed.has(name)) expect(isHiddenName(name)).toBe(true);
      }),
    );
  });

  it('is judged the same however its words are put together', () => {
    const word = fc.constantFrom('api key', 'password', 'token', 'secret');
    const joined = fc.tuple(
      fc.array(fc.constantFrom('my', 'db', 'x', 'v2'), { maxLength: 3 }),
      word,
      fc.constantFrom('_', '-', '.', ' ', '__'),
      fc.constantFrom('lower', 'upper', 'camel', 'Pascal'),
    );
    fc.assert(
      fc.property(joined, ([before, last, separator, style]) => {
        const words = [...before, ...last.split(' ')];
        const capital = (text: string) => `${text[0]?.toUpperCase()}${text.slice(1)}`;
        const name = {
          lower: words.join(separator),
          upper: words.join(separator).toUpperCase(),
          camel: words.map((one, index) => (index === 0 ? one : capital(one))).join(''),
          Pascal: words.map(capital).join(''),
        }[style];
        expect(names.has(name as string)).toBe(true);
      }),
    );
  });

  it('is judged the same after thousands of others', () => {
    for (let n = 0; n < 10_000; n++) names.has(`name${n}`);
    expect(names.has('api_key')).toBe(true);
    expect(names.has('name1')).toBe(false);
  });

  it('costs what its length says, however many words it is made of', () => {
    const leastMs = (end: string) => {
      const times = Array.from({ length: 5 }, (_, n) => {
        const begun = performance.now();
        expect(names.has(`${'a.'.repeat(8_000)}${n}.${end}`)).toBe(end === 'token');
        return performance.now() - begun;
      });
      return Math.min(...times);
    };
    // The one is known by its last word; going through all of the other's, ever longer, took a hundred times as long.
    expect(leastMs('x')).toBeLessThan(10 * leastMs('token'));
  });
});

/** JSON whose names are sensitive now and then. */
const json = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<JsonValue>(null, true, 0, 'text', '', '[sealed:short]'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(
    fc.oneof(
      fc.constantFrom('apiKey', 'db_password', 'token', 'secret', 'a', 'b', '__proto__'),
      fc.string({ maxLength: 6 }),
    ),
    tie('value'),
    { maxKeys: 4 },
  ),
})).object;

describe('what is concealed', () => {
  it('comes back as it was, and until then stands nowhere under a sensitive name', () => {
    fc.assert(
      fc.property(json, (object) => {
        const before = JSON.stringify(object);
        const { shown, fresh, kept } = conceal(names, object);
        expect(JSON.stringify(object)).toBe(before);
        expect(kept).toEqual([]);
        expect(uncovered(shown)).toEqual([]);
        expect(fresh.length > 0).toBe(uncovered(object).length > 0);
        expect(placeholdersIn(shown).toSorted()).toEqual(fresh.map(({ key }) => key).toSorted());
        const values = new Map(fresh.map(({ key, text }) => [key, JSON.parse(text) as JsonValue]));
        expect(JSON.stringify(revealIn(shown, values))).toBe(before);
      }),
      { numRuns: 2000 },
    );
  });

  it('is told from what has nothing to conceal, by the one check that is always made', () => {
    fc.assert(
      fc.property(json, (object) => {
        const { fresh } = conceal(names, object);
        // A null under a sensitive name is looked at and left.
        if (fresh.length > 0) expect(names.within(object)).toBe(true);
        if (!names.within(object)) expect(fresh).toEqual([]);
      }),
    );
  });

  it('is kept, not sealed again, when it is sent back', () => {
    fc.assert(
      fc.property(json, (object) => {
        const once = conceal(names, object);
        const again = conceal(names, once.shown);
        expect(again.fresh).toEqual([]);
        expect(again.shown).toEqual(once.shown);
        expect(again.kept.toSorted()).toEqual(once.fresh.map(({ key }) => key).toSorted());
      }),
    );
  });

  it('has a version of its own for every value, the same value too', () => {
    const { shown } = conceal(names, { a: { token: 'x' }, b: { token: 'x' } });
    const versions = [shown.a, shown.b].map((value) => versionIn((value as JsonObject).token));
    expect(versions[0]).toBeDefined();
    expect(versions[0]).not.toBe(versions[1]);
  });
});

/** Values under sensitive names that are neither null nor a placeholder. */
function uncovered(value: JsonValue): JsonValue[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(uncovered);
  return Object.keys(value).flatMap((name) => {
    const item = value[name] as JsonValue;
    if (!names.has(name)) return uncovered(item);
    return item === null || versionIn(item) !== undefined ? [] : [item];
  });
}
