import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generateApiKey, hashSecret, parseApiKey, secretMatches } from '../../src/server/security/api-key.ts';

describe('an API key', () => {
  it('is "mh_ID_SECRET" and comes apart again, also when its secret has an underscore', () => {
    const secrets = new Set<string>();
    for (let count = 0; count < 500; count++) {
      const key = generateApiKey();
      expect(key.credential).toMatch(/^mh_[0-9a-hjkmnp-tv-z]{16}_[A-Za-z0-9_-]{43}$/);
      const parsed = parseApiKey(key.credential);
      expect(parsed?.id).toBe(key.id);
      expect(key.secretHash).toEqual(
        createHash('sha256')
          .update(parsed?.secret ?? '')
          .digest(),
      );
      expect(secretMatches(key.secretHash, parsed?.secret ?? '')).toBe(true);
      secrets.add(key.credential);
    }
    expect(secrets.size).toBe(500);
    expect([...secrets].some((credential) => credential.slice(20).includes('_'))).toBe(true);
  });

  it.each([
    '',
    'mh_',
    'mh_0123456789abcdef',
    `mh_0123456789abcdef_${'a'.repeat(42)}`,
    `mh_0123456789abcdef_${'a'.repeat(44)}`,
    `mh_0123456789abcde_${'a'.repeat(43)}`,
    `mh_0123456789abcdei_${'a'.repeat(43)}`,
    `MH_0123456789abcdef_${'a'.repeat(43)}`,
    `mh_0123456789ABCDEF_${'a'.repeat(43)}`,
    ` mh_0123456789abcdef_${'a'.repeat(43)}`,
    `mh_0123456789abcdef_${'a'.repeat(43)}\n`,
    `mh_0123456789abcdef_${'a'.repeat(42)}+`,
  ])('is not %j', (text) => {
    expect(parseApiKey(text)).toBeUndefined();
  });

  it('is refused with any other secret', () => {
    const hash = hashSecret('a'.repeat(43));
    expect(secretMatches(hash, `${'a'.repeat(42)}b`)).toBe(false);
    expect(secretMatches(hash, '')).toBe(false);
    expect(secretMatches(hash.subarray(1), 'a'.repeat(43))).toBe(false);
  });
});
