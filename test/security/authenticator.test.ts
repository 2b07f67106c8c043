import { describe, expect, it } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import type { ApiKey } from '../../src/server/domain/admin-repository.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { generateApiKey, hashSecret } from '../../src/server/security/api-key.ts';
import { Authenticator, type AuthenticatorOptions } from '../../src/server/security/authenticator.ts';
import { type KnownKey, opened } from '../../src/server/security/known-key.ts';
import { StrangerLimits } from '../../src/server/security/stranger-limits.ts';

/** Keys in memory and a clock that is moved by hand: the schedules here are exact. */
class Keys {
  readonly keys = new Map<string, ApiKey>();
  readonly asked: string[] = [];
  away = false;
  hung = false;
  clock = 1_000_000;

  add(): { id: string; bearer: string } {
    const { id, secretHash, credential } = generateApiKey();
    this.keys.set(id, {
      id,
      name: `key ${id}`,
      role: Role.WRITER,
      workspaceId: 3,
      workspace: 'three',
      access: UNBOUND,
      createTime: 1,
      revokeTime: undefined,
      description: '',
      expireTime: undefined,
      lastUseTime: undefined,
      rotateTime: undefined,
      previous: undefined,
      secretHash,
    });
    return { id, bearer: `Bearer ${credential}` };
  }

  revoke(id: string): void {
    const key = this.keys.get(id);
    if (key !== undefined) this.keys.set(id, { ...key, revokeTime: 2 });
  }

  async findApiKey(id: string): Promise<ApiKey | undefined> {
    this.asked.push(id);
    const key = this.keys.get(id);
    await Promise.resolve();
    if (this.hung) await new Promise(() => {});
    if (this.away) throw new ServiceError('DATABASE_UNAVAILABLE', 'away');
    return key;
  }

  authenticator(options: AuthenticatorOptions = {}): Authenticator {
    return new Authenticator(this, { now: () => this.clock, lookupTimeoutMs: 20, ...options });
  }
}

async function outcome(verify: () => unknown): Promise<string> {
  try {
    return ((await verify()) as { keyId: string }).keyId;
  } catch (error) {
    return error instanceof ServiceError ? error.reason : String(error);
  }
}

describe('a credential', () => {
  it('tells who calls', async () => {
    const keys = new Keys();
    const { id, bearer } = keys.add();
    expect(await keys.authenticator().verify(bearer)).toEqual({
      keyId: id,
      name: `key ${id}`,
      role: Role.WRITER,
      workspaceId: 3,
      workspace: 'three',
      access: UNBOUND,
    });
  });

  it('may say "bearer" as it likes, and nothing else', async () => {
    const keys = new Keys();
    const { id, bearer } = keys.add();
    const authenticator = keys.authenticator();
    expect(await outcome(() => authenticator.verify(bearer.replace('Bearer ', 'bearer  ')))).toBe(id);
    for (const wrong of [bearer.slice(7), bearer.replace('Bearer', 'Basic'), `${bearer} x`, `x ${bearer}`]) {
      expect(await outcome(() => authenticator.verify(wrong))).toBe('CREDENTIAL_INVALID');
    }
  });

  it.each([undefined, ''])('that is %j is missing', async (authorization) => {
    expect(await outcome(() => new Keys().authenticator().verify(authorization))).toBe('CREDENTIAL_MISSING');
  });

  it('that is malformed costs no query', async () => {
    const keys = new Keys();
    expect(await outcome(() => keys.authenticator().verify('Bearer mh_x_y'))).toBe('CREDENTIAL_INVALID');
    expect(keys.asked).toEqual([]);
  });

  it('that is unknown, wrong or revoked is refused with the same words', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    const known = keys.add();
    const revoked = keys.add();
    keys.revoke(revoked.id);
    const wrong = `Bearer mh_${known.id}_${generateApiKey().credential.slice(20)}`;
    const messages = new Set<unknown>();
    for (const bearer of [wrong, revoked.bearer, `Bearer ${generateApiKey().credential}`, 'Bearer x']) {
      await Promise.resolve()
        .then(() => authenticator.verify(bearer))
        .catch((error: ServiceError) => messages.add(`${error.reason} ${error.message}`));
    }
    expect([...messages]).toEqual(['CREDENTIAL_INVALID the key is malformed, unknown or revoked']);
  });
});

describe('the cache of credentials', () => {
  it('answers a known key at once, with one query for all', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    const { id, bearer } = keys.add();
    const all = await Promise.all(Array.from({ length: 50 }, () => authenticator.verify(bearer)));
    expect(new Set(all.map((one) => one.keyId))).toEqual(new Set([id]));
    expect(authenticator.verify(bearer)).not.toBeInstanceOf(Promise);
    expect(keys.asked).toEqual([id]);
  });

  it('refuses wrong secrets of a known key without a query', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer);
    for (let count = 0; count < 20; count++) {
      const wrong = `Bearer mh_${id}_${generateApiKey().credential.slice(20)}`;
      expect(await outcome(() => authenticator.verify(wrong))).toBe('CREDENTIAL_INVALID');
    }
    expect(keys.asked).toHaveLength(1);
    expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
  });

  it('reads a known key again for a secret it may have got since, and for guesses only now and then', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer);
    const renewed = generateApiKey(id);
    const before = keys.keys.get(id) as ApiKey;
    const previous = { secretHash: before.secretHash, expireTime: Number.MAX_SAFE_INTEGER };
    keys.keys.set(id, { ...before, secretHash: renewed.secretHash, previous });
    keys.clock += 5;
    expect(await outcome(() => authenticator.verify(`Bearer ${renewed.credential}`))).toBe(id);
    expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
    expect(keys.asked).toHaveLength(2);
    for (let ms = 0; ms < 100; ms++) {
      keys.clock += 1;
      const wrong = `Bearer ${generateApiKey(id).credential}`;
      expect(await outcome(() => authenticator.verify(wrong))).toBe('CREDENTIAL_INVALID');
    }
    expect(keys.asked).toHaveLength(22);
  });

  it('remembers for a while that a key is unknown', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator({ wrongTtlMs: 5_000 });
    const { credential } = generateApiKey();
    for (let count = 0; count < 3; count++) await outcome(() => authenticator.verify(`Bearer ${credential}`));
    expect(keys.asked).toHaveLength(1);
    keys.clock += 5_001;
    await outcome(() => authenticator.verify(`Bearer ${credential}`));
    expect(keys.asked).toHaveLength(2);
  });

  it('is bounded, and unknown keys do not push known ones out', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator({ maxKeys: 10 });
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer);
    for (let count = 0; count < 100; count++) {
      await outcome(() => authenticator.verify(`Bearer ${generateApiKey().credential}`));
    }
    expect(keys.asked).toHaveLength(101);
    expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
    expect(keys.asked).toHaveLength(101);
  });
});

describe('a flood of credentials that are not good', () => {
  const PEER = '10.0.0.1';
  const limited = () => {
    const keys = new Keys();
    const strangers = new StrangerLimits({ perSecond: 50, now: () => keys.clock });
    return { keys, strangers, authenticator: keys.authenticator({ strangers }) };
  };
  const tally = async (attempts: Promise<string>[]) => Object.groupBy(await Promise.all(attempts), (reason) => reason);

  it.each(['one after the other', 'all at once'])('of unknown keys, %s, costs few queries', async (how) => {
    const { keys, authenticator } = limited();
    const attempts: Promise<string>[] = [];
    for (let count = 0; count < 1_000; count++) {
      const attempt = outcome(() => authenticator.verify(`Bearer ${generateApiKey().credential}`, PEER));
      attempts.push(attempt);
      if (how === 'one after the other') await attempt;
    }
    const { CREDENTIAL_INVALID: refused = [], RATE_LIMITED: held = [] } = await tally(attempts);
    expect([refused.length, held.length, keys.asked.length]).toEqual([200, 800, 200]);
    keys.clock += 1_000;
    await outcome(() => authenticator.verify(`Bearer ${generateApiKey().credential}`, PEER));
    expect(keys.asked).toHaveLength(201);
  });

  it('of wrong secrets of a known key costs as few, and the key goes on working from there', async () => {
    const { keys, authenticator } = limited();
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer, PEER);
    const reasons: string[] = [];
    for (let count = 0; count < 1_000; count++) {
      keys.clock += 1;
      reasons.push(await outcome(() => authenticator.verify(`Bearer ${generateApiKey(id).credential}`, PEER)));
      expect(await outcome(() => authenticator.verify(bearer, PEER))).toBe(id);
    }
    // 200 at once and 50 in the second it takes; every fifth of those may ask.
    expect(reasons.filter((reason) => reason === 'CREDENTIAL_INVALID').length).toBeLessThanOrEqual(251);
    expect(keys.asked.length).toBeLessThanOrEqual(52 + 50);
  });

  it('holds up nobody elsewhere, and no known key though it has to be read again', async () => {
    const { keys, authenticator } = limited();
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer, PEER);
    for (let count = 0; count < 300; count++) {
      await outcome(() => authenticator.verify(`Bearer ${generateApiKey().credential}`, PEER));
    }
    const other = keys.add();
    expect(await outcome(() => authenticator.verify(other.bearer, PEER))).toBe('RATE_LIMITED');
    expect(await outcome(() => authenticator.verify(other.bearer, '10.0.0.2'))).toBe(other.id);
    authenticator.generationsPolled({ authentication: 9 }, keys.clock);
    expect(await outcome(() => authenticator.verify(bearer, PEER))).toBe(id);
  });

  it('is not made of good ones, however many come at once', async () => {
    const { keys, authenticator } = limited();
    for (let round = 0; round < 5; round++) {
      const many = Array.from({ length: 150 }, () => keys.add());
      const ids = await Promise.all(many.map(({ bearer }) => outcome(() => authenticator.verify(bearer, PEER))));
      expect(ids).toEqual(many.map(({ id }) => id));
    }
    const { id, bearer } = keys.add();
    const calls = Array.from({ length: 1_000 }, () => outcome(() => authenticator.verify(bearer, PEER)));
    expect(new Set(await Promise.all(calls))).toEqual(new Set([id]));
  });

  it('is not made of failures of the database', async () => {
    const { keys, authenticator } = limited();
    keys.away = true;
    for (let count = 0; count < 500; count++) {
      const attempt = outcome(() => authenticator.verify(`Bearer ${generateApiKey().credential}`, PEER));
      expect(await attempt).toBe('DATABASE_UNAVAILABLE');
    }
  });
});

describe('an id that no key has, and a wrong secret of one that is there', () => {
  it('cost the same queries, call by call', async () => {
    const keys = new Keys();
    const known = keys.add();
    const unknown = generateApiKey();
    const authenticator = keys.authenticator();
    await authenticator.verify(known.bearer);
    await outcome(() => authenticator.verify(`Bearer ${unknown.credential}`));
    const queriesOf = async (id: string, secrets: readonly string[], stepMs: number) => {
      const queries: number[] = [];
      for (const credential of secrets) {
        keys.clock += stepMs;
        const before = keys.asked.length;
        const bearer = `Bearer mh_${id}_${credential}`;
        expect(await outcome(() => authenticator.verify(bearer))).toBe('CREDENTIAL_INVALID');
        queries.push(keys.asked.length - before);
      }
      return queries;
    };
    const fresh = Array.from({ length: 40 }, () => generateApiKey().credential.slice(20));
    for (const stepMs of [1, 2, 7]) {
      for (const secrets of [fresh, Array(10).fill(generateApiKey().credential.slice(20))]) {
        keys.clock += 10_000;
        const [there, nowhere] = [
          await queriesOf(known.id, secrets, stepMs),
          await queriesOf(unknown.id, secrets, stepMs),
        ];
        expect(nowhere).toEqual(there);
      }
    }
  });

  it('are both compared, whatever there is to compare with', () => {
    const known = { principal: {}, previous: undefined, secretHash: hashSecret('a') } as unknown as KnownKey;
    expect(opened(undefined, hashSecret(''))).toBeUndefined();
    expect(opened(known, hashSecret(''))).toBeUndefined();
    expect(opened(known, hashSecret('a'))).toBe(known);
    expect(opened({ ...known, previous: known }, hashSecret('b'))).toBeUndefined();
  });
});

describe('a key that is revoked', () => {
  it('is refused after the next poll, by a process that believed it', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    authenticator.generationsPolled({ authentication: 5 }, keys.clock);
    const { id, bearer } = keys.add();
    expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
    keys.revoke(id);
    keys.clock += 250;
    authenticator.generationsPolled({ authentication: 6 }, keys.clock);
    expect(await outcome(() => authenticator.verify(bearer))).toBe('CREDENTIAL_INVALID');
  });

  it('is refused within freshMs when polls no longer come', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator({ freshMs: 2_000 });
    authenticator.generationsPolled({ authentication: 5 }, keys.clock);
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer);
    keys.revoke(id);
    keys.clock += 1_999;
    expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
    keys.clock += 1;
    expect(await outcome(() => authenticator.verify(bearer))).toBe('CREDENTIAL_INVALID');
  });

  it('costs no query as long as polls come and show nothing new', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator({ ttlMs: 3_600_000 });
    authenticator.generationsPolled({ authentication: 5 }, keys.clock);
    const { bearer } = keys.add();
    await authenticator.verify(bearer);
    for (let poll = 0; poll < 1000; poll++) {
      keys.clock += 250;
      authenticator.generationsPolled({ authentication: 5 }, keys.clock);
      authenticator.verify(bearer);
    }
    expect(keys.asked).toHaveLength(1);
    keys.clock += 3_600_000;
    authenticator.generationsPolled({ authentication: 5 }, keys.clock);
    await authenticator.verify(bearer);
    expect(keys.asked).toHaveLength(2);
  });

  it('is not believed by a query that was under way when the generation changed', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    authenticator.generationsPolled({ authentication: 5 }, keys.clock);
    const { id, bearer } = keys.add();
    const early = authenticator.verify(bearer);
    keys.revoke(id);
    authenticator.generationsPolled({ authentication: 6 }, keys.clock);
    await early;
    expect(await outcome(() => authenticator.verify(bearer))).toBe('CREDENTIAL_INVALID');
  });
});

describe('while the database is away', () => {
  it('known keys are served, and it is not asked for each call', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator({ freshMs: 2_000, ttlMs: 60_000 });
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer);
    keys.away = true;
    for (let second = 0; second < 50; second++) {
      keys.clock += 1_001;
      expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
      expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
    }
    expect(keys.asked.length).toBeLessThanOrEqual(51);
    keys.clock += 10_000;
    expect(await outcome(() => authenticator.verify(bearer))).toBe('DATABASE_UNAVAILABLE');
  });

  it('known keys are served though it hangs', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer);
    keys.hung = true;
    keys.clock += 5_000;
    expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
  });

  it('unknown keys are told that it is away, not that they are wrong', async () => {
    const keys = new Keys();
    keys.away = true;
    const { bearer } = keys.add();
    const authenticator = keys.authenticator();
    expect(await outcome(() => authenticator.verify(bearer))).toBe('DATABASE_UNAVAILABLE');
    keys.away = false;
    expect(await outcome(() => authenticator.verify(bearer))).not.toBe('DATABASE_UNAVAILABLE');
  });

  it('a revocation is seen as soon as it is back', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    authenticator.generationsPolled({ authentication: 1 }, keys.clock);
    const { id, bearer } = keys.add();
    await authenticator.verify(bearer);
    keys.away = true;
    keys.clock += 5_000;
    expect(await outcome(() => authenticator.verify(bearer))).toBe(id);
    keys.revoke(id);
    keys.away = false;
    keys.clock += 100;
    authenticator.generationsPolled({ authentication: 2 }, keys.clock);
    expect(await outcome(() => authenticator.verify(bearer))).toBe('CREDENTIAL_INVALID');
  });

  it.each([
    ['cannot be read', (keys: Keys) => (keys.away = true)],
    ['is not read in time', (keys: Keys) => (keys.hung = true)],
  ])('a key that %s is not believed while polls show a newer generation', async (_what, fail) => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    authenticator.generationsPolled({ authentication: 1 }, keys.clock);
    const { bearer } = keys.add();
    await authenticator.verify(bearer);
    fail(keys);
    keys.clock += 250;
    authenticator.generationsPolled({ authentication: 2 }, keys.clock);
    for (let count = 0; count < 2; count++) {
      expect(await outcome(() => authenticator.verify(bearer))).toBe('DATABASE_UNAVAILABLE');
    }
  });

  it('a bug in looking for a key is not passed over', async () => {
    const keys = new Keys();
    const authenticator = keys.authenticator();
    const { bearer } = keys.add();
    await authenticator.verify(bearer);
    keys.findApiKey = () => Promise.reject(new TypeError('a bug'));
    keys.clock += 5_000;
    expect(await outcome(() => authenticator.verify(bearer))).toBe('TypeError: a bug');
  });
});
