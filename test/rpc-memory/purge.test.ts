import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import { Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { ExportFormat } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { collect, fieldsOf, type Memories, memoryServer, refusalOf } from './harness.ts';

const server = memoryServer();

async function workspace() {
  const made = await server().newWorkspace();
  return { ...made, admin: await made.withKey({}, Role.ADMIN) };
}
const get = (memories: Memories, id: string) =>
  memories.getMemory({ target: { $case: 'id', value: id }, showDeleted: true });
async function stored(table: string, workspaceId: number): Promise<number> {
  const { rows } = await server().repository.database.pool.query<{ count: number }>({
    text: `SELECT count(*)::int AS count FROM ${table} WHERE workspace_id = $1`,
    values: [workspaceId],
  });
  return rows[0]?.count ?? Number.NaN;
}
const everything = async (id: number) => ({
  memories: await stored('memories', id),
  revisions: await stored('memory_revisions', id),
  requests: await stored('request_log', id),
});
const exported = async (memories: Memories) =>
  (await collect(memories.exportMemories({ format: ExportFormat.JSONL })))
    .flatMap(({ event }) => (event?.$case === 'chunk' ? [event.value.data.toString()] : []))
    .join('');

describe('PurgeMemories', () => {
  it('removes memories with their history and requests, living and deleted, and tells how much', async () => {
    const { id, admin, memories } = await workspace();
    const doomed = await memories.saveMemory({ memory: { content: 'first' }, requestId: randomUUID() });
    await memories.updateMemory({ memory: { id: doomed.id, content: 'second!' }, requestId: randomUUID() });
    const deleted = await memories.saveMemory({ memory: { content: 'gone' } });
    await memories.deleteMemory({ id: deleted.id });
    const kept = await memories.saveMemory({ memory: { content: 'kept' } });
    const ids = [doomed.id, deleted.id, doomed.id, randomUUID()];
    const dry = await admin.purgeMemories({ ids, dryRun: true });
    expect(dry.receipt).toMatchObject({ memories: 2n, revisions: 4n, contentBytes: 11n, dryRun: true, revision: 0n });
    expect(await everything(id)).toEqual({ memories: 3, revisions: 5, requests: 5 });
    const { receipt } = await admin.purgeMemories({ ids });
    expect(receipt).toMatchObject({ memories: 2n, revisions: 4n, contentBytes: 11n, requests: 4n, dryRun: false });
    expect(receipt?.revision).toBe(BigInt(kept.etag) + 1n);
    expect(await everything(id)).toEqual({ memories: 1, revisions: 1, requests: 1 });
    for (const gone of [doomed, deleted]) {
      expect((await refusalOf(get(memories, gone.id))).reason).toBe('MEMORY_NOT_FOUND');
      expect((await refusalOf(memories.listRevisions({ memoryId: gone.id }))).reason).toBe('MEMORY_NOT_FOUND');
      expect((await refusalOf(memories.restoreMemory({ id: gone.id }))).reason).toBe('MEMORY_NOT_FOUND');
    }
    expect(await get(memories, kept.id)).toMatchObject({ content: 'kept' });
    expect((await admin.purgeMemories({ ids })).receipt).toMatchObject({ memories: 0n, revisions: 0n, revision: 0n });
  });

  it('forgets the request of a whole batch when one of its memories goes', async () => {
    const { id, admin, memories } = await workspace();
    const batch = await memories.batchSaveMemories({
      memories: [{ content: 'a' }, { content: 'b' }, { content: 'c' }],
    });
    const { receipt } = await admin.purgeMemories({ ids: [batch.memories[1]?.id ?? ''] });
    expect(receipt).toMatchObject({ memories: 1n, requests: 1n });
    expect(await everything(id)).toEqual({ memories: 2, revisions: 2, requests: 0 });
  });

  it('by a filter takes what matches in this workspace, however much it is, and nothing else', async () => {
    const one = await workspace();
    const two = await workspace();
    for (const { memories } of [one, two]) {
      for (let batch = 0; batch < 3; batch++) {
        const items = Array.from({ length: 500 }, (_, n) => ({
          content: `c${n}`,
          category: n % 5 === 0 ? 'kept' : 'old',
        }));
        await memories.batchSaveMemories({ memories: items });
      }
    }
    const filter = 'category = "old"';
    expect((await one.admin.purgeMemories({ filter, dryRun: true })).receipt?.memories).toBe(1200n);
    expect((await one.admin.purgeMemories({ filter })).receipt).toMatchObject({
      memories: 1200n,
      revisions: 1200n,
      requests: 3n,
    });
    expect(await everything(one.id)).toEqual({ memories: 300, revisions: 300, requests: 0 });
    expect(await everything(two.id)).toEqual({ memories: 1500, revisions: 1500, requests: 3 });
    const found = await collect(one.memories.listMemories({ filter }));
    expect(found.flatMap(({ memories }) => memories)).toEqual([]);
  });

  it('takes a history longer than one transaction, in several', async () => {
    const { id, admin, memories } = await workspace();
    const { id: memory } = await memories.saveMemory({ memory: { content: 'x' } });
    await server().repository.database.pool.query({
      text: `INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, content, create_time, update_time)
             SELECT $1, 1000 + n, $2, 1000 + n, 2, 3, 'x', now(), now() FROM generate_series(1, 4500) n`,
      values: [id, memory],
    });
    expect((await admin.purgeMemories({ ids: [memory] })).receipt).toMatchObject({ memories: 1n, revisions: 4501n });
    expect(await everything(id)).toEqual({ memories: 0, revisions: 0, requests: 0 });
  });

  it('refuses to resume an export that began before, and shows one that begins after', async () => {
    const { admin, memories } = await workspace();
    const text = 'x'.repeat(60_000);
    for (let batch = 0; batch < 4; batch++) {
      await memories.batchSaveMemories({ memories: Array.from({ length: 10 }, () => ({ content: text })) });
    }
    const doomed = await memories.saveMemory({ memory: { content: 'doomed' } });
    let token = '';
    for await (const { event } of memories.exportMemories({})) {
      if (event?.$case !== 'chunk') continue;
      token = event.value.resumeToken;
      break;
    }
    expect(token).not.toBe('');
    await admin.purgeMemories({ ids: [doomed.id] });
    expect((await refusalOf(memories.exportMemories({ resumeToken: token }))).reason).toBe('INVALID_TOKEN');
    expect((await exported(memories)).split('\n').filter(Boolean)).toHaveLength(40);
  });

  it('lets writers go on, and a memory that is saved again begins anew', async () => {
    const { admin, memories } = await workspace();
    const key = 'the key';
    const first = await memories.saveMemory({ memory: { key, content: 'one' } });
    await memories.saveMemory({ memory: { key, content: 'two' } });
    await Promise.all([
      admin.purgeMemories({ filter: 'key = "the key"' }),
      ...Array.from({ length: 20 }, (_, n) => memories.saveMemory({ memory: { content: `meanwhile ${n}` } })),
    ]);
    const again = await memories.saveMemory({ memory: { key, content: 'three' } });
    expect(again).toMatchObject({ id: first.id, revision: 1n });
  });

  it.each([
    ['ids', {}],
    ['ids', { ids: Array.from({ length: 1001 }, () => randomUUID()) }],
    ['ids[0]', { ids: ['x'] }],
    ['filter', { ids: [randomUUID()], filter: 'category = "a"' }],
    ['note', { ids: [randomUUID()], note: 'x'.repeat(257) }],
  ])('refuses wrong %s', async (field, request) => {
    const { admin } = await workspace();
    expect(fieldsOf(await refusalOf(admin.purgeMemories(request)))).toEqual([field]);
  });

  it('refuses a filter it cannot read, and keys that are not of an admin', async () => {
    const { admin, memories } = await workspace();
    expect((await refusalOf(admin.purgeMemories({ filter: 'what =' }))).reason).toBe('INVALID_FILTER');
    for (const filter of ['metadata.token = "a"', 'metadata.pin = "a"', 'metadata.card.PIN > 1']) {
      expect((await refusalOf(admin.purgeMemories({ filter }))).reason).toBe('INVALID_FILTER');
      expect((await refusalOf(collect(admin.exportMemories({ filter })))).reason).toBe('INVALID_FILTER');
    }
    expect((await refusalOf(memories.purgeMemories({ filter: 'category = "a"' }))).reason).toBe('ROLE_DENIED');
    expect((await refusalOf(memories.eraseUser({ userId: 'mina' }))).reason).toBe('ROLE_DENIED');
  });

  it('is in the audit trail with its counts and note, and without what it removed', async () => {
    const { id, admin, memories } = await workspace();
    const { id: memory } = await memories.saveMemory({
      memory: { content: 'secret text', category: 'secret category' },
    });
    await memories.updateMemory({ memory: { id: memory, content: 'secret again' } });
    await admin.purgeMemories({ filter: 'category = "secret category"', note: 'ticket 7' });
    const { rows } = await server().repository.database.pool.query<{ row: string; action: string; details: object }>({
      text: 'SELECT a::text AS row, action, details FROM audit a WHERE workspace_id = $1',
      values: [id],
    });
    expect(rows).toMatchObject([
      { action: 'PurgeMemories', details: { by: 'filter', note: 'ticket 7', memories: 1, revisions: 2, requests: 2 } },
    ]);
    expect(rows[0]?.row).not.toContain('secret');
  });
});

describe('EraseUser', () => {
  it('removes what is personal, forgets the author, reports keys, and leaves others alone', async () => {
    const { id, admin, memories, withKey } = await workspace();
    const mina = await withKey({ userId: 'mina', teams: ['alpha'] });
    const bob = await withKey({ userId: 'bob' });
    await mina.saveMemory({ memory: { content: 'hers' } });
    const deleted = await mina.saveMemory({ memory: { content: 'hers, deleted' } });
    await mina.deleteMemory({ id: deleted.id });
    const his = await bob.saveMemory({ memory: { content: 'his' } });
    const team = await mina.saveMemory({ memory: { content: 'of the team', scope: Scope.TEAM, team: 'alpha' } });
    const { pool } = server().repository.database;
    // As it is where the author is the subject of a token.
    for (const table of ['memories', 'memory_revisions']) {
      await pool.query({
        text: `UPDATE ${table} SET author = 'mina' WHERE workspace_id = $1 AND team = 'alpha'`,
        values: [id],
      });
    }
    await pool.query({
      text: `INSERT INTO audit (workspace_id, key_id, author, action, peer, details, period, reason)
             VALUES ($1, 'oidc:mina', 'mina', 'X', '10.1.1.1', NULL, now(), 'ROLE_DENIED'),
                    ($1, 'oidc:mina', 'mina', 'X', '10.1.1.2', NULL, now(), 'ROLE_DENIED'),
                    ($1, 'k', 'anna', 'CreateApiKey', '10.1.1.3', '{"user_id": "mina", "name": "n"}', NULL, '')`,
      values: [id],
    });
    await pool.query({
      text: `INSERT INTO settings (workspace_id, user_id, name, value, author)
             VALUES ($1, 'mina', 'a', '1', 'x'), ($1, '', 'a', '1', 'mina')`,
      values: [id],
    });
    await pool.query({
      text: `INSERT INTO setting_revisions (workspace_id, user_id, name, operation, value, author)
             VALUES ($1, 'mina', 'a', 1, '1', 'x'), ($1, '', 'a', 1, '1', 'mina')`,
      values: [id],
    });
    const dry = await admin.eraseUser({ userId: 'mina', dryRun: true });
    expect(dry.receipt).toMatchObject({ memories: 2n, revisions: 3n, dryRun: true });
    expect(dry.apiKeyIds).toHaveLength(1);
    const answer = await admin.eraseUser({ userId: 'mina' });
    expect(answer).toMatchObject({ renamedRevisions: 1n, auditEvents: 3n, settings: 1n, apiKeyIds: dry.apiKeyIds });
    expect(answer.receipt).toMatchObject({ memories: 2n, revisions: 3n, requests: 3n, dryRun: false });
    expect(await get(memories, his.id)).toMatchObject({ content: 'his' });
    expect(await get(memories, team.id)).toMatchObject({ content: 'of the team', author: 'erased' });
    const named: string[] = [];
    for (const table of ['memories', 'memory_revisions', 'audit', 'request_log', 'settings', 'setting_revisions']) {
      const { rows } = await pool.query<{ row: string }>({
        text: `SELECT t::text AS row FROM ${table} t WHERE workspace_id = $1`,
        values: [id],
      });
      named.push(...rows.map(({ row }) => row).filter((row) => /mina|10\.1\.1\.[12]/.test(row)));
    }
    expect(named).toEqual([]);
    const again = await admin.eraseUser({ userId: 'mina' });
    expect(again.receipt).toMatchObject({ memories: 0n, revisions: 0n });
  });

  it('is not for the caller itself, whose name the audit trail keeps', async () => {
    const { admin } = await workspace();
    expect(fieldsOf(await refusalOf(admin.eraseUser({ userId: 'tester' })))).toEqual(['user_id']);
  });

  it.each([
    ['user_id', ''],
    ['user_id', ' x'],
    ['user_id', 'x'.repeat(129)],
  ])('refuses a wrong %s', async (field, userId) => {
    const { admin } = await workspace();
    expect(fieldsOf(await refusalOf(admin.eraseUser({ userId })))[0]).toBe(field);
  });

  it('of a user nobody knows, or of another workspace, removes nothing', async () => {
    const one = await workspace();
    const two = await workspace();
    const mina = await one.withKey({ userId: 'mina' });
    const hers = await mina.saveMemory({ memory: { content: 'hers' } });
    expect((await two.admin.eraseUser({ userId: 'mina' })).receipt).toMatchObject({ memories: 0n });
    expect((await two.admin.purgeMemories({ ids: [hers.id] })).receipt).toMatchObject({ memories: 0n });
    expect(await get(mina, hers.id)).toMatchObject({ content: 'hers' });
  });
});
