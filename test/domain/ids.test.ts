import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyedId, newId, parseUuid } from '../../src/server/domain/ids.ts';
import { Scope } from '../../src/server/domain/memory.ts';

const nobody = { scope: Scope.WORKSPACE, userId: '', team: '' } as const;

describe('newId', () => {
  it('is a UUIDv7 of its millisecond, and never the same twice', () => {
    const ids = Array.from({ length: 5000 }, () => newId(0x0123_4567_89ab));
    for (const id of ids) expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('keyedId', () => {
  it('never changes: clients may keep it', () => {
    expect(keyedId('default', nobody, 'user:42:language')).toBe('05fc3b30-cc9e-8740-b4a5-178ca827dc6f');
  });

  it('is a UUIDv8, different for every workspace, scope, owner and key, however they are cut', () => {
    const part = fc.string({ maxLength: 4, unit: 'grapheme' });
    const name = fc.tuple(part, fc.constantFrom(...Object.values(Scope)), part, part, part);
    const id = ([workspace, scope, userId, team, key]: typeof name extends fc.Arbitrary<infer T> ? T : never) =>
      keyedId(workspace, { scope, userId, team }, key);
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(id(a)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(id(a) === id(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
    expect(keyedId('a', nobody, 'bc')).not.toBe(keyedId('ab', nobody, 'c'));
  });
});

describe('parseUuid', () => {
  it('takes any version in any case, and nothing else', () => {
    expect(parseUuid('0189F0A5-AC96-774B-BCCE-B302099A8057')).toBe('0189f0a5-ac96-774b-bcce-b302099a8057');
    for (const text of [
      '',
      'x',
      '0189f0a5ac96774bbcceb302099a8057',
      '{0189f0a5-ac96-774b-bcce-b302099a8057}',
      '0189f0a5-ac96-774b-bcce-b302099a8057\n',
    ]) {
      expect(parseUuid(text)).toBeUndefined();
    }
  });
});
