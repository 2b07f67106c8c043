import { randomBytes } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import type { ApiKey } from '../../src/server/domain/admin-repository.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
const repository = () => createAdminRepository(database());

let made = 0;
function newKey(key: Partial<ApiKey> = {}) {
  made += 1;
  return {
    id: `key${made}`,
    name: `name of ${made}`,
    role: Role.WRITER,
    workspaceId: 0,
    access: { userId: '', teams: [] },
    secretHash: randomBytes(32),
    ...key,
  };
}

test('a workspace is made once, found by name and listed in the order of making', async () => {
  const first = await repository().createWorkspace('alpha', 'the first');
  const second = await repository().createWorkspace('beta', '');
  expect(first).toMatchObject({ name: 'alpha', description: 'the first' });
  expect(Number.isSafeInteger(first.createTime)).toBe(true);
  expect(await repository().findWorkspace('alpha')).toEqual(first);
  expect(await repository().findWorkspace('gamma')).toBeUndefined();
  expect(await repository().listWorkspaces()).toEqual([first, second]);
});

test('a second workspace of the same name is refused, also when both are made at once', async () => {
  const made = await Promise.allSettled([
    repository().createWorkspace('twice', ''),
    repository().createWorkspace('twice', ''),
  ]);
  expect(made.map((each) => each.status).sort()).toEqual(['fulfilled', 'rejected']);
  const refused = made.find((each) => each.status === 'rejected');
  expect(refused?.reason).toMatchObject({ name: 'ServiceError', reason: 'WORKSPACE_EXISTS' });
});

test('a new workspace begins at change 0 and cache epoch 0', async () => {
  const { id } = await repository().createWorkspace('fresh', '');
  const heads = await (await database().orm()).em.execute(
    'SELECT workspace_id, head, cache_epoch FROM workspace_heads WHERE workspace_id = ?',
    [id],
  );
  expect(heads).toEqual([{ workspace_id: id, head: 0, cache_epoch: 0 }]);
});

test('a key comes back as it was made, with its workspace by name', async () => {
  const workspace = await repository().createWorkspace('of keys', '');
  const wanted = newKey({
    workspaceId: workspace.id,
    role: Role.ADMIN,
    access: { userId: "o'brien", teams: ['a,b', '"c"', '{d}'] },
  });
  const key = await repository().createApiKey(wanted);
  expect(key).toMatchObject({ ...wanted, workspace: 'of keys', revokeTime: undefined });
  expect(await repository().findApiKey(key.id)).toEqual(key);
  expect(Buffer.compare(key.secretHash, wanted.secretHash)).toBe(0);
  expect(await repository().findApiKey('nobody')).toBeUndefined();
});

test('keys are listed for one workspace or for all', async () => {
  const workspace = await repository().createWorkspace('listed', '');
  const own = await repository().createApiKey(newKey({ workspaceId: workspace.id }));
  const operator = await repository().createApiKey(newKey({ role: Role.OPERATOR }));
  expect(await repository().listApiKeys(workspace.id)).toEqual([own]);
  const all = await repository().listApiKeys(undefined);
  expect(all).toContainEqual(own);
  expect(all).toContainEqual({ ...operator, workspace: '', workspaceId: 0 });
});

test('a key is revoked once: the time of the first revocation stays', async () => {
  const { id } = await repository().createApiKey(newKey());
  const revoked = await repository().revokeApiKey(id);
  expect(revoked?.revokeTime).toBeGreaterThanOrEqual(revoked?.createTime ?? Number.POSITIVE_INFINITY);
  expect(await repository().revokeApiKey(id)).toEqual(revoked);
  expect(await repository().findApiKey(id)).toEqual(revoked);
  expect(await repository().revokeApiKey('nobody')).toBeUndefined();
});

test('a poll shows every epoch and generation, and the time of the database in microseconds', async () => {
  const one = await repository().createWorkspace('polled', '');
  const other = await repository().createWorkspace('polled too', '');
  const before = await repository().pollGenerations();
  await repository().bumpCacheEpoch(one.id);
  await repository().bumpGeneration('authentication');
  const after = await repository().pollGenerations();
  expect(after.epochs.get(one.id)).toBe((before.epochs.get(one.id) ?? Number.NaN) + 1);
  expect(after.epochs.get(other.id)).toBe(before.epochs.get(other.id));
  expect(after.authentication).toBe(before.authentication + 1);
  expect(after.storageInfo).toBe(before.storageInfo);
  expect(after.now).toBeGreaterThan(before.now);
  await repository().bumpCacheEpoch(undefined);
  await repository().bumpGeneration('storage_info');
  const last = await repository().pollGenerations();
  expect([...last.epochs]).toEqual([...after.epochs].map(([id, epoch]) => [id, epoch + 1]));
  expect(last.storageInfo).toBe(after.storageInfo + 1);
});

test('names with quotes and wildcards are taken literally', async () => {
  const name = `'; DROP TABLE workspaces; -- ? % _ \\ $1`;
  const workspace = await repository().createWorkspace(name, name);
  expect(await repository().findWorkspace(name)).toEqual(workspace);
});

/**
 * Borrows every connection of the pool, however long it takes to open them.
 *
 * @returns gives them all back
 */
async function everyConnectionLent(): Promise<() => Promise<void>> {
  const { pool } = database();
  const end = Promise.withResolvers<void>();
  const borrowers: Promise<void>[] = [];
  while (borrowers.length < pool.gauges.max) {
    await new Promise<void>((resolve) => {
      const borrower = pool.withClient(() => {
        borrowers.push(borrower);
        resolve();
        return end.promise;
      });
      // Refused while somebody else has not given back the last one: it is asked for again.
      borrower.catch(() => resolve());
    });
  }
  return async () => {
    end.resolve();
    await Promise.all(borrowers);
  };
}

test('a key is looked for within the bounds of the pool: a call is not kept waiting where every connection is lent', async () => {
  const giveBack = await everyConnectionLent();
  await expect(repository().findApiKey('any')).rejects.toMatchObject({ reason: 'OVERLOADED' });
  await giveBack();
  expect(await repository().findApiKey('any')).toBeUndefined();
});

/** Ends the connection that `work` is on once it waits for a lock, and says how the work ended. */
async function interrupted(work: Promise<unknown>): Promise<PromiseSettledResult<unknown> | undefined> {
  let ended = false;
  const outcome = Promise.allSettled([work]).finally(() => {
    ended = true;
  });
  const waiting = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  while (!ended && (await database().pool.query({ text: waiting })).rows.length === 0);
  return (await outcome)[0];
}

test.each<[string, () => Promise<unknown>]>([
  ['api_keys', () => repository().createApiKey(newKey())],
  ['workspaces', () => repository().createWorkspace('lost', '')],
  ['cache_generations', () => repository().bumpGeneration('authentication')],
])('a change of %s whose connection is lost in its middle is in doubt', async (table, write) => {
  await database().pool.withClient(async (client) => {
    await client.query(`BEGIN; LOCK TABLE ${table}`);
    const outcome = await interrupted(write());
    expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'ServiceError', reason: 'COMMIT_UNKNOWN' } });
    await client.query('ROLLBACK');
  });
  // Neither is the place of the lost connection in the pool.
  await expect.poll(() => database().pool.gauges.busy, { timeout: 20_000 }).toBe(0);
});

test('an exhausted pool does not keep the polls from being answered', async () => {
  const giveBack = await everyConnectionLent();
  try {
    await expect(database().pool.query({ text: 'SELECT 1' })).rejects.toThrow('connections');
    // The pool stays exhausted however long it takes, so that a slow machine may take its time.
    const poll = await vi.waitFor(() => repository().pollGenerations(), { timeout: 30_000 });
    expect(poll.authentication).toBeGreaterThanOrEqual(0);
  } finally {
    await giveBack();
  }
});
