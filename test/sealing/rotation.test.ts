import { beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import type { RotationProgress } from '../../src/server/domain/sealing/rotation.ts';
import type { PostgresMemoryRepository } from '../../src/server/repository/memory-repository.ts';
import { newKey } from '../../src/server/security/sealing/keyring.ts';
import { formatKeyring, parseKeyring } from '../../src/server/security/sealing/keyring-text.ts';
import { callIn, Hub, save } from '../contract/fixtures.ts';
import { newWorkspace, testRepository } from '../repository/support/repository.ts';
import { openSealing, type SealingUnderTest, SharedKeyring } from '../support/sealing.ts';

const subject = testRepository();
const keyring = new SharedKeyring();
/** Two processes. */
let one: SealingUnderTest;
let two: SealingUnderTest;

beforeAll(async () => {
  one = await openSealing(subject().database, keyring);
  two = await openSealing(subject().database, keyring);
});

const principal = {
  keyId: 'k',
  name: 'op',
  role: Role.OPERATOR,
  workspaceId: 0,
  workspace: '',
  access: callIn(0).access,
};

async function rotate(given: { newKey?: boolean; reseal?: boolean }, by = one): Promise<RotationProgress> {
  const call = { principal, peer: '', callId: 'c', signal: new AbortController().signal };
  let last: RotationProgress | undefined;
  for await (const progress of by.rotation.rotate(call, {
    newKey: false,
    reseal: false,
    sealExisting: false,
    ...given,
  }))
    last = progress;
  if (last === undefined) throw new Error('nothing was said');
  return last;
}

/** A memory with a secret, by one of the processes. */
async function saved(hub: Hub, by: SealingUnderTest, repository: PostgresMemoryRepository, secret: string) {
  const change = save({ fields: { ...save().fields, metadata: { api_key: secret } } });
  const sealing = by.metadata(repository);
  const { changes } = await sealing.seal(hub.workspaceId, { note: '', requestId: '' }, [change], () => 'memory');
  const outcome = await hub.write(changes);
  if (outcome.kind !== 'done') throw new Error('refused');
  return outcome.records[0]?.memory ?? expect.unreachable();
}

async function opened(hub: Hub, by: SealingUnderTest, memory: Awaited<ReturnType<typeof saved>>) {
  const [clear] = await by.metadata(subject().repository).revealed(hub.call, [memory]);
  return clear?.metadata?.api_key;
}

const forget = () => {
  one.sealing.clear();
  two.sealing.clear();
};

describe('a rotation', () => {
  it('wraps the data keys with a new key, and everything opens before, during and after', async () => {
    const hub = await subject().newHub();
    const memory = await saved(hub, one, subject().repository, 'before');
    const [before] = await one.sealing.store.keysOf(hub.workspaceId);
    const done = await rotate({ newKey: true });
    const [after] = await one.sealing.store.keysOf(hub.workspaceId);
    expect(done.wrapped).toBeGreaterThan(0);
    expect(after?.kekId).toBe(done.keyId);
    expect(after?.kekId).not.toBe(before?.kekId);
    expect(await opened(hub, two, memory)).toBe('before');
    forget();
    expect(await opened(hub, two, memory)).toBe('before');
    // The old key is not needed any more.
    keyring.text = formatKeyring(parseKeyring(keyring.text, 'x').slice(0, 1));
    const fresh = await openSealing(subject().database, keyring);
    expect(await opened(hub, fresh, memory)).toBe('before');
    expect(await rotate({})).toMatchObject({ wrapped: 0, resealed: 0, keyId: done.keyId });
  });

  it('can be taken up again by another process when it broke off', async () => {
    const hubs = await Promise.all([1, 2, 3].map(() => subject().newHub()));
    const memories = await Promise.all(hubs.map((hub) => saved(hub, one, subject().repository, 'kept')));
    keyring.text = formatKeyring([newKey(), ...parseKeyring(keyring.text, 'x')]);
    await one.sealing.reload();
    const { store } = one.sealing;
    const [first] = await store.keysOf(hubs[0]?.workspaceId ?? 0);
    if (first === undefined) throw new Error('no key');
    const bytes = await one.sealing.encryption.unwrap(first, `${first.workspaceId}\0${first.generation}`);
    await store.replace(first, await one.sealing.encryption.wrap(bytes, `${first.workspaceId}\0${first.generation}`));
    await rotate({}, two);
    expect(new Set((await store.all()).map(({ kekId }) => kekId))).toEqual(
      new Set([one.sealing.encryption.currentKey]),
    );
    forget();
    for (const [index, hub] of hubs.entries())
      expect(await opened(hub, one, memories[index] ?? expect.unreachable())).toBe('kept');
  });

  it('that seals anew leaves no value under the old data key, in memories and history', async () => {
    const hub = await subject().newHub();
    const memory = await saved(hub, one, subject().repository, 'anew');
    const old = await ciphertexts(hub.workspaceId);
    const { resealed } = await rotate({ reseal: true });
    expect(resealed).toBeGreaterThanOrEqual(2);
    const fresh = await ciphertexts(hub.workspaceId);
    expect(fresh).toHaveLength(old.length);
    expect(fresh.filter((text) => old.includes(text))).toEqual([]);
    expect(await one.sealing.store.keysOf(hub.workspaceId)).toHaveLength(2);
    forget();
    expect(await opened(hub, two, memory)).toBe('anew');
    expect((await hub.get(memory.id))?.changeNo).toBe(memory.changeNo);
  });

  it('loses nothing under concurrent reads and writes of two processes', async () => {
    const hub = await subject().newHub();
    const memories: { memory: Awaited<ReturnType<typeof saved>>; secret: string }[] = [];
    let running = true;
    const failures: unknown[] = [];
    const worker = async (by: SealingUnderTest, name: string) => {
      for (let n = 0; running; n++) {
        try {
          const secret = `${name}-${n}`;
          memories.push({ memory: await saved(hub, by, subject().repository, secret), secret });
          const some = memories[Math.floor(memories.length / 2)] ?? expect.unreachable();
          const found = await opened(hub, by, some.memory);
          if (found !== some.secret) failures.push([found, some.secret]);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const workers = [worker(one, 'one'), worker(two, 'two')];
    await rotate({ newKey: true, reseal: true });
    await rotate({ newKey: true }, two);
    running = false;
    await Promise.all(workers);
    expect(failures).toEqual([]);
    expect(memories.length).toBeGreaterThan(10);
    forget();
    for (const { memory, secret } of memories) {
      expect(await opened(hub, one, memory)).toBe(secret);
      expect(await opened(hub, two, memory)).toBe(secret);
    }
  });

  it('is written down, and makes no key where the keyring is kept by somebody else', async () => {
    const { pool } = subject().database;
    const { rows } = await pool.query<{ details: object }>({
      text: "SELECT details FROM audit WHERE action = 'RotateSealingKeys' ORDER BY id LIMIT 1",
    });
    expect(rows).toEqual([{ details: { new_key: true, reseal: false, seal_existing: false } }]);
    const kept = { where: 'elsewhere', read: () => keyring.read(), rewrite: undefined };
    const elsewhere = await openSealing(subject().database, kept);
    await expect(rotate({ newKey: true }, elsewhere)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      violations: [{ field: 'new_key' }],
    });
  });
});

async function ciphertexts(workspaceId: number): Promise<string[]> {
  const { rows } = await subject().database.pool.query<{ sealed: Record<string, string> }>({
    text: `SELECT sealed FROM memories WHERE workspace_id = $1 AND sealed IS NOT NULL
           UNION ALL SELECT sealed FROM memory_revisions WHERE workspace_id = $1 AND sealed IS NOT NULL`,
    values: [workspaceId],
  });
  return rows.flatMap(({ sealed }) => Object.values(sealed));
}

it('a swapped row, a swapped history and a swapped workspace stay shut', async () => {
  const hub = await subject().newHub();
  const [a, b] = [await saved(hub, one, subject().repository, 'a'), await saved(hub, one, subject().repository, 'b')];
  const { pool } = subject().database;
  const swap = (set: string) =>
    pool.query({
      text: `UPDATE memory_revisions r SET ${set} FROM memory_revisions o WHERE r.workspace_id = $1 AND o.workspace_id = $1
              AND r.memory_id = $2 AND o.memory_id = $3`,
      values: [hub.workspaceId, a.id, b.id],
    });
  // The ciphertexts alone: the placeholder finds none.
  await swap('sealed = o.sealed');
  await expect(opened(hub, one, a)).rejects.toMatchObject({ reason: 'SEALED_VALUE_UNREADABLE' });
  // Placeholders with them: they are another memory's.
  const posing = { ...a, metadata: b.metadata };
  await expect(opened(hub, one, posing)).rejects.toMatchObject({ reason: 'SEALED_VALUE_UNREADABLE' });
  const other = new Hub(subject().repository, await newWorkspace(subject().database));
  const theirs = await saved(other, one, subject().repository, 'theirs');
  await pool.query({
    text: `UPDATE memory_revisions r SET sealed = o.sealed FROM memory_revisions o
            WHERE r.workspace_id = $1 AND o.workspace_id = $2 AND o.memory_id = $3`,
    values: [other.workspaceId, hub.workspaceId, b.id],
  });
  await expect(opened(other, one, { ...theirs, metadata: b.metadata })).rejects.toMatchObject({
    reason: 'SEALED_VALUE_UNREADABLE',
  });
  expect(await opened(hub, one, b)).toBe('b');
});
