import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import { ExportFormat, type ExportMemoriesResponse } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { collect, type Memories, memoryServer, refusalOf, type TestWorkspace, violationsOf } from './harness.ts';

const SECRET = 'planted-secret-7f3a9c';
const PLACEHOLDER = /^\[sealed:[A-Za-z0-9_-]{12}\]$/;

const server = memoryServer();
let workspace: TestWorkspace;
let memories: Memories;

beforeAll(async () => {
  workspace = await server().newWorkspace();
  memories = workspace.memories;
});

const save = (metadata: Record<string, unknown>, given: object = {}) =>
  memories.saveMemory({ memory: { content: 'x', metadata, ...given } });

const reveal = async (id: string, by = memories) =>
  (await by.getMemory({ target: { $case: 'id', value: id }, revealSensitive: true })).metadata;

const rows = async (sql: string, values: unknown[]) =>
  (await server().repository.database.pool.query<Record<string, unknown>>({ text: sql, values })).rows;

const audited = (target: string) =>
  rows('SELECT action, author, key_id FROM audit WHERE workspace_id = $1 AND target = $2', [workspace.id, target]);

describe('a memory with secrets', () => {
  it('is answered with placeholders and what is not sensitive as it was', async () => {
    const saved = await save({ api_key: SECRET, region: 'eu', nested: [{ dbPassword: SECRET, port: 5432 }] });
    expect(saved.metadata).toEqual({
      api_key: expect.stringMatching(PLACEHOLDER),
      region: 'eu',
      nested: [{ dbPassword: expect.stringMatching(PLACEHOLDER), port: 5432 }],
    });
    const got = await memories.getMemory({ target: { $case: 'id', value: saved.id } });
    expect(got.metadata).toEqual(saved.metadata);
  });

  it('gives them in clear to a writer who asks, and writes that down', async () => {
    const metadata = { api_key: SECRET, token: 17, secret: { a: [1, null] }, password: null };
    const { id } = await save(metadata);
    expect(await audited(id)).toEqual([]);
    expect(await reveal(id)).toEqual(metadata);
    expect(await reveal(id, await workspace.withKey({}, Role.ADMIN))).toEqual(metadata);
    expect((await audited(id)).map(({ action }) => action)).toEqual(['GetMemory', 'GetMemory']);
  });

  it('never gives them to a reader, whether there is such a memory or not', async () => {
    const { id } = await save({ api_key: SECRET });
    const reader = await workspace.withKey({}, Role.READER);
    expect((await refusalOf(reveal(id, reader))).reason).toBe('ROLE_DENIED');
    expect((await refusalOf(reveal(randomUUID(), reader))).reason).toBe('ROLE_DENIED');
    expect((await refusalOf(collect(reader.exportMemories({ revealSensitive: true })))).reason).toBe('ROLE_DENIED');
    expect(await audited(id)).toEqual([]);
  });

  it('is nowhere in the database in clear: memories, history, request log', async () => {
    const { id } = await save({ api_key: SECRET, deep: { er: { client_secret: SECRET } } });
    const text = async (sql: string) => JSON.stringify(await rows(sql, [workspace.id]));
    for (const table of ['memories', 'memory_revisions', 'request_log', 'audit']) {
      const dump = await text(`SELECT t::text AS row FROM ${table} t WHERE workspace_id = $1`);
      if (table.startsWith('memor')) expect(dump).toContain(id);
      expect(dump).not.toContain(SECRET);
    }
  });

  it('shows placeholders in lists, batches, history and exports, and secrets in an export that reveals', async () => {
    const fresh = await server().newWorkspace();
    const saved = await fresh.memories.saveMemory({ memory: { content: 'x', metadata: { api_key: SECRET } } });
    const shown = JSON.stringify(
      [
        await collect(fresh.memories.listMemories({})),
        await fresh.memories.batchGetMemories({ ids: [saved.id] }),
        await collect(fresh.memories.listRevisions({ memoryId: saved.id })),
        await fresh.memories.getRevision({ memoryId: saved.id, revision: 1n }),
      ],
      (_, value) => (typeof value === 'bigint' ? String(value) : value),
    );
    expect(shown.match(/\[sealed:/g)?.length).toBe(4);
    expect(shown).not.toContain(SECRET);
    for (const format of [ExportFormat.PROTO, ExportFormat.JSONL, ExportFormat.CSV]) {
      expect(bytesOf(await collect(fresh.memories.exportMemories({ format })))).not.toContain(SECRET);
      const clear = bytesOf(await collect(fresh.memories.exportMemories({ format, revealSensitive: true })));
      expect(clear).toContain(SECRET);
      expect(clear).not.toContain('[sealed:');
    }
    const { rows: entries } = await server().repository.database.pool.query({
      text: "SELECT 1 FROM audit WHERE workspace_id = $1 AND action = 'ExportMemories'",
      values: [fresh.id],
    });
    expect(entries).toHaveLength(3);
  });
});

describe('a placeholder that is sent back', () => {
  it('keeps the secret: of a read that is changed and saved', async () => {
    const { id } = await save({ api_key: SECRET, note: 'one' });
    const { metadata } = await memories.getMemory({ target: { $case: 'id', value: id } });
    const again = await save({ ...metadata, note: 'two', token: 'new' }, { id });
    expect(await reveal(id)).toEqual({ api_key: SECRET, note: 'two', token: 'new' });
    expect(again.metadata?.api_key).toBe(metadata?.api_key);
    await memories.updateMemory({ memory: { id, metadata: { api_key: metadata?.api_key } }, updateMask: ['metadata'] });
    expect(await reveal(id)).toEqual({ api_key: SECRET });
  });

  it('keeps it where the metadata was not sent, and drops it where it was without', async () => {
    const { id } = await save({ api_key: SECRET });
    await memories.updateMemory({ memory: { id, content: 'y' }, updateMask: ['content'] });
    expect(await reveal(id)).toEqual({ api_key: SECRET });
    await memories.updateMemory({ memory: { id, metadata: { a: 1 } }, updateMask: ['metadata'] });
    expect(await rows('SELECT sealed FROM memories WHERE workspace_id = $1 AND id = $2', [workspace.id, id])).toEqual([
      { sealed: null },
    ]);
  });

  it('is refused for another memory, under another name, and for one that is gone', async () => {
    const { id, metadata } = await save({ api_key: SECRET });
    const placeholder = metadata?.api_key;
    const unknown = { reason: 'SEALED_VALUE_UNKNOWN', metadata: { field: 'memory.metadata' } };
    expect(await refusalOf(save({ api_key: placeholder }))).toMatchObject(unknown);
    expect(await refusalOf(save({ password: placeholder }, { id }))).toMatchObject(unknown);
    const batch = memories.batchSaveMemories({
      memories: [{ content: 'a' }, { content: 'b', metadata: { token: placeholder } }],
    });
    expect(await refusalOf(batch)).toMatchObject({ reason: 'SEALED_VALUE_UNKNOWN', metadata: { index: '1' } });
    await memories.deleteMemory({ id });
    expect(await refusalOf(save({ api_key: placeholder }, { id }))).toMatchObject(unknown);
  });

  it('comes back with its secret when an earlier revision or a deleted memory is restored', async () => {
    const { id } = await save({ api_key: SECRET });
    await save({ api_key: 'another' }, { id });
    await memories.deleteMemory({ id });
    await memories.restoreMemory({ id });
    expect(await reveal(id)).toEqual({ api_key: 'another' });
    await memories.restoreMemory({ id, revision: 1n });
    expect(await reveal(id)).toEqual({ api_key: SECRET });
  });
});

describe('a request with secrets', () => {
  it('is answered the same when it is repeated, and refused when its secret differs', async () => {
    const requestId = randomUUID();
    const request = { memory: { content: 'x', metadata: { api_key: SECRET, a: 1 } }, requestId };
    const first = await memories.saveMemory(request);
    expect(await memories.saveMemory(request)).toEqual(first);
    const other = { ...request, memory: { content: 'x', metadata: { api_key: 'guess', a: 1 } } };
    expect((await refusalOf(memories.saveMemory(other))).reason).toBe('REQUEST_ID_REUSED');
  });

  it('validates without writing', async () => {
    const { id, metadata } = await memories.saveMemory({
      memory: { content: 'x', metadata: { api_key: SECRET } },
      validateOnly: true,
    });
    expect(metadata?.api_key).toMatch(PLACEHOLDER);
    expect((await refusalOf(reveal(id))).reason).toBe('MEMORY_NOT_FOUND');
  });

  it('may have 64 of them and no more', async () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, { token: index }]));
    const { id } = await save(many(64));
    expect(await reveal(id)).toEqual(many(64));
    expect(violationsOf(await refusalOf(save(many(65))))).toEqual([
      { field: 'memory.metadata', description: 'is 65 values; at most 64 are allowed' },
    ]);
  });
});

describe('a filter', () => {
  it('is refused by the name of what is sealed, at any level', async () => {
    for (const filter of ['metadata.api_key = "a"', 'metadata.a.dbPassword != "a"', 'metadata.token.a > 1']) {
      const refused = await refusalOf(collect(memories.listMemories({ filter })));
      expect(refused.reason).toBe('INVALID_FILTER');
      expect(refused.message).toMatch(/api_key|dbPassword|token/);
    }
  });

  it('may ask whether there is one', async () => {
    const { id } = await save({ service_token: SECRET });
    const found = await collect(memories.listMemories({ filter: 'metadata.service_token:*' }));
    expect(found.flatMap((page) => page.memories.map((memory) => memory.id))).toEqual([id]);
  });
});

function bytesOf(messages: readonly ExportMemoriesResponse[]): string {
  return messages
    .map(({ event }) => (event?.$case === 'chunk' ? Buffer.from(event.value.data).toString('latin1') : ''))
    .join('');
}
