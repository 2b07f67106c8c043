import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Memory, Operation, Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { ListRevisionsResponse } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { collect, fieldsOf, memoryServer, refusalOf, type TestWorkspace, violationsOf } from './harness.ts';

const server = memoryServer();
let space: TestWorkspace;

beforeAll(async () => {
  space = await server().newWorkspace();
});
afterEach(() => {
  expect(server().faults).toEqual([]);
});

const byId = (id: string) => ({ target: { $case: 'id', value: id } }) as const;
const full = {
  content: 'one',
  category: 'decision',
  tags: ['a', 'b'],
  metadata: { n: 1 },
  ttl: { seconds: 1000n, nanos: 0 },
};

describe('UpdateMemory', () => {
  it('sets what the mask names and keeps the rest', async () => {
    const saved = await space.memories.saveMemory({ memory: full });
    const { id } = saved;
    const updated = await space.memories.updateMemory({
      memory: { id, content: 'two', category: 'ignored\0', tags: ['c'] },
      updateMask: ['content', 'tags'],
      note: 'reworded',
    });
    expect(updated).toEqual({
      ...saved,
      content: 'two',
      tags: ['c'],
      revision: 2n,
      etag: updated.etag,
      updateTime: updated.updateTime,
    });
    expect(updated.expireTime).toBeDefined();
  });

  it('clears what the mask names and the memory leaves out', async () => {
    const { id } = await space.memories.saveMemory({ memory: full });
    const cleared = await space.memories.updateMemory({
      memory: { id },
      updateMask: ['category', 'tags', 'metadata', 'ttl'],
    });
    expect(cleared).toMatchObject({
      category: '',
      tags: [],
      metadata: undefined,
      expireTime: undefined,
      content: 'one',
    });
    const all = await space.memories.updateMemory({ memory: { id, content: 'all' }, updateMask: ['*'] });
    expect(all).toMatchObject({ content: 'all' });
  });

  it('without a mask sets what is set in the memory', async () => {
    const { id } = await space.memories.saveMemory({ memory: full });
    const updated = await space.memories.updateMemory({ memory: { id, category: 'fact' } });
    expect(updated).toMatchObject({ category: 'fact', content: 'one', tags: ['a', 'b'], metadata: { n: 1 } });
    expect(fieldsOf(await refusalOf(space.memories.updateMemory({ memory: { id } })))).toEqual(['update_mask']);
  });

  it('takes the ttl of a mask although the memory, as it was read, also has an expire_time', async () => {
    const saved = await space.memories.saveMemory({ memory: full });
    const updated = await space.memories.updateMemory({
      memory: { ...saved, ttl: { seconds: 5n, nanos: 0 } },
      updateMask: ['ttl'],
    });
    expect(Number(updated.expireTime?.seconds) - Number(updated.updateTime?.seconds)).toBe(5);
  });

  it('finds the memory by its key', async () => {
    await space.memories.saveMemory({ memory: { key: 'named', content: 'x', userId: 'u' } });
    const memory = { key: 'named', userId: 'u', content: 'y' };
    expect(await space.memories.updateMemory({ memory })).toMatchObject({ content: 'y', revision: 2n, userId: 'u' });
  });

  it('refuses masks of unknown and fixed fields, by place', async () => {
    const updateMask = ['content', 'sesame', 'team', 'metadata.a'];
    const error = await refusalOf(
      space.memories.updateMemory({ memory: { id: randomUUID(), content: '' }, updateMask }),
    );
    expect(violationsOf(error)).toEqual([
      { field: 'update_mask', description: expect.stringMatching(/^path 2 is not one of category, content/) },
      { field: 'update_mask', description: 'path 3 is team, which is fixed when a memory is made' },
      { field: 'update_mask', description: expect.stringMatching(/^path 4/) },
      { field: 'memory.content', description: 'is 0 bytes; at least 1 are needed' },
    ]);
    expect(fieldsOf(await refusalOf(space.memories.updateMemory({ memory: { content: 'x' } })))).toEqual(['memory.id']);
  });

  it('without a mask refuses another owner by id, and takes the one it has', async () => {
    const saved = await space.memories.saveMemory({ memory: { content: 'x', userId: 'ann' } });
    const { id } = saved;
    for (const [field, wrong] of [
      ['memory.scope', { scope: Scope.WORKSPACE }],
      ['memory.user_id', { userId: 'bob' }],
      ['memory.team', { team: 'red' }],
    ] as const) {
      const error = await refusalOf(space.memories.updateMemory({ memory: { id, content: 'y', ...wrong } }));
      expect(error).toMatchObject({ reason: 'OWNER_FIXED', metadata: { field } });
    }
    const bob = await space.withKey({ userId: 'bob' });
    const theirs = await refusalOf(bob.updateMemory({ memory: { id, content: 'y', userId: 'bob' } }));
    expect(theirs.reason).toBe('MEMORY_NOT_FOUND');
    const updated = await space.memories.updateMemory({ memory: { ...saved, etag: '', content: 'z' } });
    expect(updated).toMatchObject({ content: 'z', revision: 2n, userId: 'ann' });
  });

  it('is NOT_FOUND for what is not there, deleted or expired', async () => {
    const { id } = await space.memories.saveMemory({ memory: { content: 'x' } });
    await space.memories.deleteMemory({ id });
    for (const missing of [id, randomUUID()]) {
      const error = await refusalOf(space.memories.updateMemory({ memory: { id: missing, content: 'y' } }));
      expect(error.reason).toBe('MEMORY_NOT_FOUND');
    }
  });
});

describe('DeleteMemory and RestoreMemory', () => {
  it('delete once; a second time is NOT_FOUND unless that is allowed', async () => {
    const { id, etag } = await space.memories.saveMemory({ memory: full });
    const mismatch = await refusalOf(space.memories.deleteMemory({ id, etag: `${etag}0` }));
    expect(mismatch).toMatchObject({ reason: 'ETAG_MISMATCH', metadata: { current_etag: etag, field: 'etag' } });
    const deleted = await space.memories.deleteMemory({ id, etag, note: 'gone' });
    expect(deleted).toMatchObject({ id, revision: 2n, content: 'one' });
    expect(deleted.deleteTime).toEqual(deleted.updateTime);
    expect((await refusalOf(space.memories.deleteMemory({ id }))).reason).toBe('MEMORY_NOT_FOUND');
    expect(await space.memories.deleteMemory({ id, allowMissing: true })).toEqual(Memory.fromPartial({}));
  });

  it('bring back what was deleted, and an earlier revision of what lives', async () => {
    const { id } = await space.memories.saveMemory({ memory: { content: 'one' } });
    await space.memories.updateMemory({ memory: { id, content: 'two' } });
    await space.memories.deleteMemory({ id });
    expect(await space.memories.restoreMemory({ id })).toMatchObject({
      content: 'two',
      revision: 4n,
      deleteTime: undefined,
    });
    expect(await space.memories.restoreMemory({ id, revision: 1n })).toMatchObject({ content: 'one', revision: 5n });
    expect(await refusalOf(space.memories.restoreMemory({ id }))).toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      reason: 'NOT_DELETED',
    });
    for (const revision of [9n, 2n ** 62n, 2n ** 63n - 1n]) {
      expect((await refusalOf(space.memories.restoreMemory({ id, revision }))).reason).toBe('REVISION_NOT_FOUND');
    }
    const error = await refusalOf(space.memories.restoreMemory({ id: '', revision: -1n }));
    expect(new Set(fieldsOf(error))).toEqual(new Set(['id', 'revision']));
  });
});

describe('the history', () => {
  it('has every change with author and note, newest first, in pages of any size', async () => {
    const { id } = await space.memories.saveMemory({ memory: { content: 'v1' }, note: 'made' });
    for (let i = 2; i <= 40; i++)
      await space.memories.updateMemory({ memory: { id, content: `v${i}` }, note: `n${i}` });
    await space.memories.deleteMemory({ id, note: 'gone' });
    const all = (await collect(space.memories.listRevisions({ memoryId: id }))).flatMap(({ revisions }) => revisions);
    expect(all.map(({ revision }) => Number(revision))).toEqual(Array.from({ length: 41 }, (_, index) => 41 - index));
    expect(all[0]).toMatchObject({ operation: Operation.DELETE, note: 'gone', author: 'tester' });
    expect(all[40]).toMatchObject({ operation: Operation.CREATE, note: 'made', memory: { content: 'v1', id } });

    const paged: typeof all = [];
    let pageToken = '';
    do {
      const messages = await collect(space.memories.listRevisions({ memoryId: id, limit: 7, pageToken }));
      const revisions = messages.flatMap((message) => message.revisions);
      expect(revisions.length).toBeLessThanOrEqual(7);
      paged.push(...revisions);
      pageToken = messages.at(-1)?.nextPageToken ?? '';
    } while (pageToken !== '');
    expect(paged).toEqual(all);
    expect(await space.memories.getRevision({ memoryId: id, revision: 3n })).toEqual(all[38]);
  });

  it('has its last token empty exactly when there is no more', async () => {
    const { id } = await space.memories.saveMemory({ memory: { content: 'v1' } });
    await space.memories.updateMemory({ memory: { id, content: 'v2' } });
    const tokens = async (limit: number) =>
      (await collect(space.memories.listRevisions({ memoryId: id, limit }))).map(({ nextPageToken }) => nextPageToken);
    expect(await tokens(2)).toEqual(['']);
    expect(await tokens(1)).toEqual([expect.stringMatching(/./)]);
  });

  it('refuses tokens of another memory, and revisions that are not there', async () => {
    const [a, b] = await Promise.all([1, 2].map(() => space.memories.saveMemory({ memory: { content: 'x' } })));
    const [memoryId = '', otherId = ''] = [a?.id, b?.id];
    await space.memories.updateMemory({ memory: { id: memoryId, content: 'y' } });
    const [page] = await collect(space.memories.listRevisions({ memoryId, limit: 1 }));
    const stolen = await refusalOf(
      space.memories.listRevisions({ memoryId: otherId, pageToken: page?.nextPageToken ?? '' }),
    );
    expect(stolen.reason).toBe('INVALID_TOKEN');
    const missing = await refusalOf(space.memories.getRevision({ memoryId, revision: 3n }));
    expect(missing).toMatchObject({ codeName: 'NOT_FOUND', reason: 'REVISION_NOT_FOUND' });
    expect((await refusalOf(space.memories.listRevisions({ memoryId: randomUUID() }))).reason).toBe('MEMORY_NOT_FOUND');
    expect(fieldsOf(await refusalOf(space.memories.getRevision({ memoryId: 'x' })))).toEqual(['memory_id', 'revision']);
  });

  it('splits long histories of long texts into messages under 1 MiB', async () => {
    const content = 'x'.repeat(250_000);
    const { id } = await space.memories.saveMemory({ memory: { content } });
    for (let i = 0; i < 5; i++) await space.memories.updateMemory({ memory: { id, content: `${i}${content}` } });
    const messages = await collect(space.memories.listRevisions({ memoryId: id }));
    expect(messages.map(({ revisions }) => revisions.length)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('does so for metadata too, which take more room in a message than anywhere else', async () => {
    const metadata = { zeros: Array<number>(8000).fill(0) };
    const { id } = await space.memories.saveMemory({ memory: { content: 'x', metadata } });
    for (let i = 0; i < 31; i++) await space.memories.updateMemory({ memory: { id, content: `x${i}` } });
    const messages = await collect(space.memories.listRevisions({ memoryId: id }));
    expect(messages.flatMap(({ revisions }) => revisions)).toHaveLength(32);
    const sizes = messages.map((message) => ListRevisionsResponse.encode(message).finish().length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(2_500_000);
    expect(Math.max(...sizes)).toBeLessThan(256 * 1024);
  });
});

describe('who reaches what', () => {
  it('is NOT_FOUND in every RPC for what a bound key does not reach, as if it were not there', async () => {
    const theirs = await space.memories.saveMemory({ memory: { key: 'k', content: 'x', userId: 'ann' } });
    const teams = await space.memories.saveMemory({ memory: { content: 'x', scope: Scope.TEAM, team: 'red' } });
    const bob = await space.withKey({ userId: 'bob', teams: ['blue'] });
    for (const { id } of [theirs, teams, { id: randomUUID() }]) {
      const calls = [
        bob.getMemory(byId(id)),
        bob.getMemory({ ...byId(id), showDeleted: true }),
        bob.saveMemory({ memory: { id, content: 'y', etag: '1' } }),
        bob.updateMemory({ memory: { id, content: 'y' } }),
        bob.deleteMemory({ id }),
        bob.restoreMemory({ id }),
        bob.restoreMemory({ id, revision: 1n }),
        bob.getRevision({ memoryId: id, revision: 1n }),
        bob.listRevisions({ memoryId: id }),
      ];
      const errors = await Promise.all(calls.map(refusalOf));
      expect(new Set(errors.map(({ reason, message }) => `${reason} ${message}`)).size).toBe(1);
      expect(errors[0]?.reason).toBe('MEMORY_NOT_FOUND');
      expect(await bob.batchGetMemories({ ids: [id] })).toMatchObject({ memories: [], missingIds: [id] });
      expect(await bob.deleteMemory({ id, allowMissing: true })).toEqual(Memory.fromPartial({}));
    }
    expect(await space.memories.getMemory(byId(theirs.id))).toEqual(theirs);
    const byKey = { $case: 'key', value: { key: 'k', userId: 'ann' } } as const;
    expect((await refusalOf(bob.getMemory({ target: byKey }))).reason).toBe('MEMORY_NOT_FOUND');
  });

  it('fills in the bound user, and refuses to save as somebody else', async () => {
    const bob = await space.withKey({ userId: 'bob', teams: ['blue'] });
    expect(await bob.saveMemory({ memory: { content: 'x' } })).toMatchObject({ scope: Scope.PERSONAL, userId: 'bob' });
    expect(await bob.saveMemory({ memory: { content: 'x', scope: Scope.TEAM, team: 'blue' } })).toMatchObject({
      userId: '',
    });
    expect(await bob.saveMemory({ memory: { content: 'x', scope: Scope.WORKSPACE } })).toMatchObject({ team: '' });
    const saved = await bob.saveMemory({ memory: { key: 'mine', content: 'x' } });
    expect(await bob.getMemory({ target: { $case: 'key', value: { key: 'mine' } } })).toEqual(saved);
    for (const memory of [
      { content: 'x', userId: 'ann' },
      { content: 'x', scope: Scope.TEAM, team: 'red' },
    ]) {
      const error = await refusalOf(bob.saveMemory({ memory }));
      expect(error).toMatchObject({ codeName: 'NOT_FOUND', reason: 'MEMORY_NOT_FOUND' });
    }
  });

  it('refuses owners that do not fit the scope, by name', async () => {
    const refused = async (memory: object) =>
      fieldsOf(await refusalOf(space.memories.saveMemory({ memory: { content: 'x', ...memory } })));
    expect(await refused({ scope: Scope.PERSONAL })).toEqual(['memory.user_id']);
    expect(await refused({ scope: Scope.TEAM })).toEqual(['memory.team']);
    expect(await refused({ scope: Scope.TEAM, userId: 'u' })).toEqual(['memory.user_id', 'memory.team']);
    expect(await refused({ scope: Scope.WORKSPACE, userId: 'u', team: 't' })).toEqual([
      'memory.user_id',
      'memory.team',
    ]);
    expect(await refused({ team: 't' })).toEqual(['memory.team']);
  });

  it('does not find the memories of another workspace', async () => {
    const { id } = await space.memories.saveMemory({ memory: { key: 'shared', content: 'x' } });
    const other = await server().newWorkspace();
    expect((await refusalOf(other.memories.getMemory(byId(id)))).reason).toBe('MEMORY_NOT_FOUND');
    const target = { $case: 'key', value: { key: 'shared' } } as const;
    expect((await refusalOf(other.memories.getMemory({ target }))).reason).toBe('MEMORY_NOT_FOUND');
    expect((await other.memories.saveMemory({ memory: { key: 'shared', content: 'y' } })).id).not.toBe(id);
  });

  it('lets readers read and not write', async () => {
    const reader = await space.withKey({}, 1);
    const { id } = await space.memories.saveMemory({ memory: { content: 'x' } });
    expect((await reader.getMemory(byId(id))).id).toBe(id);
    for (const call of [reader.saveMemory({}), reader.deleteMemory({ id }), reader.batchDeleteMemories({})]) {
      expect((await refusalOf(call)).reason).toBe('ROLE_DENIED');
    }
  });
});
