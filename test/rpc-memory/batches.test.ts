import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Scope, View } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import {
  BatchDeleteMemoriesResponse,
  BatchGetMemoriesResponse,
} from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { fieldsOf, memoryServer, refusalOf, type TestWorkspace, violationsOf } from './harness.ts';

const server = memoryServer();
let space: TestWorkspace;

beforeAll(async () => {
  space = await server().newWorkspace();
});
afterEach(() => {
  expect(server().faults).toEqual([]);
});

const contents = (count: number) => Array.from({ length: count }, (_, index) => ({ content: `item ${index}` }));

describe('BatchSaveMemories', () => {
  it('saves a thousand in order and answers in VIEW_BASIC', async () => {
    const memories = contents(LIMITS.batchItems.max).map((memory, index) => ({ ...memory, category: `c${index}` }));
    const saved = await space.memories.batchSaveMemories({ memories });
    expect(saved.memories.map(({ category }) => category)).toEqual(memories.map(({ category }) => category));
    expect(saved.memories.every(({ content, revision }) => content === '' && revision === 1n)).toBe(true);
  });

  it('refuses none, and one too many, naming limit and value', async () => {
    expect(violationsOf(await refusalOf(space.memories.batchSaveMemories({})))).toEqual([
      { field: 'memories', description: 'is 0 items; at least 1 are needed' },
    ]);
    const { max } = LIMITS.batchItems;
    expect(violationsOf(await refusalOf(space.memories.batchSaveMemories({ memories: contents(max + 1) })))).toEqual([
      { field: 'memories', description: `is ${max + 1} items; at most ${max} are allowed` },
    ]);
  });

  it('names every bad item by its place', async () => {
    const memories = [...contents(2), { content: '' }, { content: 'x', tags: ['t', 'a\u0007'] }];
    const error = await refusalOf(space.memories.batchSaveMemories({ memories }));
    expect(fieldsOf(error)).toEqual(['memories[2].content', 'memories[3].tags[1]']);
    const many = await refusalOf(space.memories.batchSaveMemories({ memories: Array(1000).fill({ content: '' }) }));
    expect(fieldsOf(many)).toHaveLength(20);
  });

  it('refuses two items of one memory, naming both, by id and by key', async () => {
    const id = randomUUID();
    const memories = [
      { id, content: 'a' },
      { key: 'twin', content: 'b' },
      { id: id.toUpperCase(), content: 'c' },
      { key: 'twin', content: 'd' },
    ];
    expect(violationsOf(await refusalOf(space.memories.batchSaveMemories({ memories })))).toEqual([
      { field: 'memories[2]', description: 'is the same memory as memories[0]' },
      { field: 'memories[3]', description: 'is the same memory as memories[1]' },
    ]);
  });

  it('saves all or none, and names the item whose etag is not current', async () => {
    const { id, etag } = await space.memories.saveMemory({ memory: { content: 'now' } });
    const fresh = { key: `fresh ${id}`, content: 'new' };
    const memories = [fresh, { id, content: 'later', etag: String(Number(etag) - 1) }];
    const error = await refusalOf(space.memories.batchSaveMemories({ memories }));
    expect(error).toMatchObject({
      reason: 'ETAG_MISMATCH',
      metadata: { index: '1', field: 'memories[1].etag', current_etag: etag },
    });
    const target = { $case: 'key', value: { key: fresh.key } } as const;
    expect((await refusalOf(space.memories.getMemory({ target }))).reason).toBe('MEMORY_NOT_FOUND');
  });

  it('names the item that a bound key does not reach', async () => {
    const bob = await space.withKey({ userId: 'bob' });
    const memories = [{ content: 'x' }, { content: 'y', userId: 'ann' }];
    expect(await refusalOf(bob.batchSaveMemories({ memories }))).toMatchObject({
      reason: 'MEMORY_NOT_FOUND',
      metadata: { index: '1', field: 'memories[1]' },
    });
    const { id } = await space.memories.saveMemory({ memory: { content: 'x', scope: Scope.TEAM, team: 'red' } });
    expect(await refusalOf(bob.batchDeleteMemories({ targets: [{ id: randomUUID() }, { id }] }))).toMatchObject({
      reason: 'MEMORY_NOT_FOUND',
      metadata: { index: '0', field: 'targets[0]' },
    });
  });

  it('answers a retry of the whole batch as the first time', async () => {
    const request = { memories: contents(3), requestId: randomUUID() };
    const first = await space.memories.batchSaveMemories(request);
    expect(first.replayed).toBe(false);
    expect(await space.memories.batchSaveMemories(request)).toEqual({ ...first, replayed: true });
  });
});

describe('BatchDeleteMemories', () => {
  it('deletes all or none, and skips the missing when that is allowed', async () => {
    const { memories } = await space.memories.batchSaveMemories({ memories: contents(3) });
    const targets = memories.map(({ id, etag }) => ({ id, etag }));
    const missing = { id: randomUUID() };
    const error = await refusalOf(space.memories.batchDeleteMemories({ targets: [...targets, missing] }));
    expect(error).toMatchObject({ reason: 'MEMORY_NOT_FOUND', metadata: { index: '3', field: 'targets[3]' } });
    const deleted = await space.memories.batchDeleteMemories({
      targets: [missing, ...targets],
      allowMissing: true,
    });
    expect(deleted.memories.map(({ id }) => id)).toEqual(targets.map(({ id }) => id));
    expect(deleted.memories.every(({ deleteTime, content }) => deleteTime !== undefined && content === '')).toBe(true);
  });

  it('answers under 4 MiB when a thousand memories with the longest tags are deleted, by leaving tags out', async () => {
    const tags = Array.from({ length: LIMITS.tags.max }, (_, index) => `${index}:`.padEnd(LIMITS.tagBytes.max, 't'));
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      const { memories } = await space.memories.batchSaveMemories({
        memories: contents(250).map((memory) => ({ ...memory, tags })),
      });
      expect(memories[0]?.tags).toEqual(tags);
      ids.push(...memories.map(({ id }) => id));
    }
    const deleted = await space.memories.batchDeleteMemories({ targets: ids.map((id) => ({ id })) });
    expect(BatchDeleteMemoriesResponse.encode(deleted).finish().length).toBeLessThan(LIMITS.unaryBytes.max);
    expect(deleted.memories.map(({ id }) => id)).toEqual(ids);
    expect(deleted.memories.every((memory) => memory.tags.length === 0 && memory.etag !== '')).toBe(true);
  });
});

describe('BatchGetMemories', () => {
  it('answers in the order of the request, once each, and names the missing', async () => {
    const { memories } = await space.memories.batchSaveMemories({ memories: contents(3) });
    const [a = '', b = '', c = ''] = memories.map(({ id }) => id);
    await space.memories.deleteMemory({ id: b });
    const missing = randomUUID();
    const found = await space.memories.batchGetMemories({ ids: [c, missing, a.toUpperCase(), c, b] });
    expect(found.memories.map(({ id, content }) => [id, content])).toEqual([
      [c, 'item 2'],
      [a, 'item 0'],
    ]);
    expect(found).toMatchObject({ missingIds: [missing, b], remainingIds: [] });
    const basic = await space.memories.batchGetMemories({ ids: [a], view: View.BASIC });
    expect(basic.memories[0]?.content).toBe('');
  });

  it('stops before 4 MiB and names the rest, which can be asked for again', async () => {
    const content = 'x'.repeat(LIMITS.contentBytes.max);
    const ids: string[] = [];
    for (let i = 0; i < 40; i++) ids.push((await space.memories.saveMemory({ memory: { content } })).id);
    let left = [...ids, ...Array.from({ length: 900 }, () => randomUUID())];
    const seen: string[] = [];
    let calls = 0;
    while (left.length > 0) {
      const answer = await space.memories.batchGetMemories({ ids: left });
      expect(BatchGetMemoriesResponse.encode(answer).finish().length).toBeLessThan(LIMITS.unaryBytes.max);
      seen.push(...answer.memories.map(({ id }) => id));
      left = answer.remainingIds;
      calls += 1;
    }
    expect(seen).toEqual(ids);
    expect(calls).toBe(3);
  });

  it('leaves room for the ids it names when the memories alone would just fit', async () => {
    const saved = async (bytes: number) =>
      (await space.memories.saveMemory({ memory: { content: 'x'.repeat(bytes) } })).id;
    const ids = await Promise.all(Array.from({ length: 15 }, () => saved(LIMITS.contentBytes.max)));
    const { length } = BatchGetMemoriesResponse.encode(await space.memories.batchGetMemories({ ids })).finish();
    ids.push(await saved(LIMITS.unaryBytes.max - length - 1000));
    expect((await space.memories.batchGetMemories({ ids })).memories).toHaveLength(16);
    const missing = Array.from({ length: 900 }, () => randomUUID());
    const crowded = await space.memories.batchGetMemories({ ids: [...ids, ...missing] });
    expect(crowded.memories).toHaveLength(15);
    // Behind the first that has no room nothing is looked for.
    expect(crowded).toMatchObject({ missingIds: [], remainingIds: [...ids.slice(15), ...missing] });
    const before = await space.memories.batchGetMemories({ ids: [...missing, ...ids] });
    expect(before.missingIds).toEqual(missing);
    expect(before.remainingIds).toEqual(ids.slice(15));
  });

  it('names every id that is none', async () => {
    const error = await refusalOf(space.memories.batchGetMemories({ ids: [randomUUID(), 'x', ''] }));
    expect(fieldsOf(error)).toEqual(['ids[1]', 'ids[2]']);
  });
});
