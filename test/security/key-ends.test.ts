import { expect, it } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import type { ApiKey } from '../../src/server/domain/admin-repository.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { CredentialRefusal, Role } from '../../src/server/domain/principal.ts';
import { generateApiKey } from '../../src/server/security/api-key.ts';
import { Authenticator } from '../../src/server/security/authenticator.ts';

/** One key in memory, and clocks that are moved by hand: those of the process and of the database. */
function oneKey(fields: (old: ReturnType<typeof generateApiKey>) => Partial<ApiKey>) {
  const made = generateApiKey();
  const old = generateApiKey(made.id);
  const key: ApiKey = {
    id: made.id,
    name: 'a key',
    role: Role.WRITER,
    workspaceId: 1,
    workspace: 'one',
    access: UNBOUND,
    description: '',
    createTime: 1,
    revokeTime: undefined,
    expireTime: undefined,
    lastUseTime: undefined,
    rotateTime: undefined,
    previous: undefined,
    secretHash: made.secretHash,
    ...fields(old),
  };
  const world = { nowMs: 1_000, away: false, asked: 0, used: [] as string[] };
  const repository = {
    findApiKey: async () => {
      world.asked += 1;
      if (world.away) throw new ServiceError('DATABASE_UNAVAILABLE', 'away');
      return key;
    },
  };
  const authenticator = new Authenticator(repository, {
    now: () => world.nowMs,
    // An hour behind the process: what counts is the database's.
    clock: { now: () => (world.nowMs - 3_600_000) * 1000 + 10_000_000_000 },
    used: (id) => world.used.push(id),
    lookupTimeoutMs: 20,
  });
  const at = (ms: number) => (ms - 3_600_000) * 1000 + 10_000_000_000;
  const outcome = async (credential: string) => {
    try {
      return (await authenticator.verify(`Bearer ${credential}`)).name;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const { why, principal } = error.cause instanceof CredentialRefusal ? error.cause : {};
      return [error.reason, why, principal?.name].filter(Boolean).join(' ');
    }
  };
  return { world, authenticator, at, outcome, credential: made.credential, old: old.credential };
}

const DATABASE_AT = (ms: number) => (ms - 3_600_000) * 1000 + 10_000_000_000;

it('a key ends by the clock of the database, also for a header that was verified', async () => {
  const { world, outcome, credential } = oneKey(() => ({ expireTime: DATABASE_AT(1_500) }));
  expect(await outcome(credential)).toBe('a key');
  expect(await outcome(credential)).toBe('a key');
  world.nowMs = 1_499;
  expect(await outcome(credential)).toBe('a key');
  world.nowMs = 1_500;
  expect(await outcome(credential)).toBe('CREDENTIAL_EXPIRED expired a key');
  expect(world.asked).toBe(1);
});

it('a key that has ended is not believed because the database is away', async () => {
  const { world, authenticator, outcome, credential } = oneKey(() => ({ expireTime: DATABASE_AT(20_000) }));
  expect(await outcome(credential)).toBe('a key');
  world.away = true;
  world.nowMs = 19_000;
  expect(await outcome(credential)).toBe('a key');
  world.nowMs = 20_000;
  expect(await outcome(credential)).toBe('CREDENTIAL_EXPIRED expired a key');
  expect(authenticator).toBeDefined();
});

it('a secret that was replaced works until its own end, which the new one does not notice', async () => {
  const { world, outcome, credential, old } = oneKey(({ secretHash }) => ({
    previous: { secretHash, expireTime: DATABASE_AT(1_200) },
  }));
  expect([await outcome(credential), await outcome(old)]).toEqual(['a key', 'a key']);
  expect([await outcome(credential), await outcome(old)]).toEqual(['a key', 'a key']);
  world.nowMs = 1_200;
  expect([await outcome(credential), await outcome(old)]).toEqual(['a key', 'CREDENTIAL_EXPIRED rotated a key']);
  expect(world.asked).toBe(1);
});

it('a revoked key is told of with its name only when the secret was the right one', async () => {
  const { world, outcome, credential } = oneKey(() => ({ revokeTime: 5 }));
  expect(await outcome(credential)).toBe('CREDENTIAL_INVALID revoked a key');
  expect(await outcome(credential)).toBe('CREDENTIAL_INVALID revoked a key');
  expect(await outcome(`${credential.slice(0, 20)}${generateApiKey().credential.slice(20)}`)).toBe(
    'CREDENTIAL_INVALID secret',
  );
  expect(world.asked).toBe(1);
  expect(world.used).toEqual([]);
});

it('a use is told once between two polls, not for every call', async () => {
  const { world, authenticator, outcome, credential } = oneKey(() => ({}));
  for (let call = 0; call < 10; call++) await outcome(credential);
  const between = world.used.length;
  expect(between).toBeLessThanOrEqual(2);
  authenticator.generationsPolled({ authentication: 0 }, world.nowMs);
  for (let call = 0; call < 10; call++) await outcome(credential);
  expect(world.used.length).toBe(between + 1);
});
