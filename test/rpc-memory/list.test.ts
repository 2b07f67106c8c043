import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Scope, View } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { ListMemoriesResponse } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { collect, fieldsOf, type Memories, memoryServer, refusalOf, type TestWorkspace } from './harness.ts';

const SCAN_BUDGET = 40;
const ROWS = 300;

const server = memoryServer({ scanBudget: SCAN_BUDGET });
let space: TestWorkspace;
/** In the order in which they were made. */
let ids: string[];

beforeAll(async () => {
  space = await server().newWorkspace();
  ids = [];
  // Batches of their own, so that create times differ.
  for (let batch = 0; batch < 10; batch++) {
    const memories = Array.from({ length: ROWS / 10 }, (_, index) => {
      const number = batch * 30 + index;
      return {
        content: `memory ${number}`,
        category: number % 2 === 0 ? 'even' : 'odd',
        tags: number === 7 ? ['rare'] : [],
        metadata: { number },
        ...(number % 3 === 0 ? { userId: 'ann' } : {}),
      };
    });
    const saved = await space.memories.batchSaveMemories({ memories });
    ids.push(...saved.memories.map(({ id }) => id));
  }
});
afterEach(() => {
  expect(server().faults).toEqual([]);
});

type Fields = Parameters<Memories['listMemories']>[0];

async function list(fields: Fields = {}, memories = space.memories) {
  const messages = await collect(memories.listMemories(fields));
  return { messages, memories: messages.flatMap((message) => message.memories), token: messages.at(-1)?.nextPageToken };
}

describe('ListMemories', () => {
  it('streams everything, each memory once, newest first', async () => {
    const { memories, token } = await list();
    expect(token).toBe('');
    expect(memories.map(({ id }) => id).sort()).toEqual([...ids].sort());
    const times = memories.map(({ createTime }) => Number(createTime?.seconds) * 1e9 + (createTime?.nanos ?? 0));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(memories[0]).toMatchObject({ author: 'tester', content: expect.stringMatching(/^memory 2[789]\d$/) });
  });

  it.each(['create_time', 'create_time desc', 'update_time', ' update_time  desc ', 'update_time asc'])(
    'pages in the order "%s" give what one stream gives',
    async (orderBy) => {
      const all = (await list({ orderBy })).memories;
      const paged: typeof all = [];
      let pageToken = '';
      do {
        const page = await list({ orderBy, limit: 70, pageToken });
        expect(page.memories.length).toBeLessThanOrEqual(70);
        paged.push(...page.memories);
        pageToken = page.token ?? '';
      } while (pageToken !== '');
      expect(paged).toEqual(all);
    },
  );

  it('orders by update_time what was written again', async () => {
    const [first = ''] = ids;
    await space.memories.updateMemory({ memory: { id: first, tags: [] }, updateMask: ['tags'] });
    expect((await list({ orderBy: 'update_time desc', limit: 1 })).memories[0]?.id).toBe(first);
    expect((await list({ orderBy: 'create_time', limit: 30 })).memories.map(({ id }) => id)).toContain(first);
  });

  it('has a token exactly when the limit left something out', async () => {
    expect((await list({ limit: ROWS })).token).toBe('');
    const cut = await list({ limit: ROWS - 1 });
    expect(cut.token).not.toBe('');
    expect((await list({ pageToken: cut.token ?? '' })).memories).toHaveLength(1);
  });

  it('sends a small first message early, and a token with each, from which the list goes on', async () => {
    const { messages, memories } = await list({ orderBy: 'create_time' });
    expect(messages.length).toBeGreaterThan(1);
    expect(messages[0]?.memories.length).toBeLessThanOrEqual(32);
    let given = 0;
    for (const message of messages) {
      given += message.memories.length;
      if (message.nextPageToken === '') continue;
      const rest = await list({ orderBy: 'create_time', pageToken: message.nextPageToken });
      expect(rest.memories).toEqual(memories.slice(given));
    }
    expect(given).toBe(ROWS);
  });

  it('answers an empty list with one empty message', async () => {
    const { messages } = await list({ filter: 'category = "none"' });
    expect(messages).toEqual([{ memories: [], nextPageToken: '' }]);
  });

  it('filters by index and by scan, beyond the budget of one page', async () => {
    expect((await list({ filter: 'category = "even"' })).memories).toHaveLength(ROWS / 2);
    for (const orderBy of ['create_time', 'create_time desc']) {
      const rare = await list({ filter: 'tags:"rare"', orderBy });
      expect(rare.memories.map(({ content }) => content)).toEqual(['memory 7']);
      expect(rare.token).toBe('');
    }
    const numbers = (await list({ filter: 'metadata.number >= 9 AND metadata.number < 11' })).memories;
    expect(numbers.map(({ content }) => content).sort()).toEqual(['memory 10', 'memory 9']);
    const both = 'NOT (category = "odd") AND scope = PERSONAL AND content:"memory 12"';
    expect((await list({ filter: both })).memories.map(({ content }) => content).sort()).toEqual([
      'memory 12',
      'memory 120',
      'memory 126',
    ]);
  });

  it('leaves content and metadata out of VIEW_BASIC', async () => {
    const { memories } = await list({ view: View.BASIC, limit: 3 });
    expect(memories.map(({ content, metadata }) => [content, metadata])).toEqual(Array(3).fill(['', undefined]));
    expect(memories.every(({ id, category, author }) => id && category && author === 'tester')).toBe(true);
  });

  it('lists what a bound key reaches, and nothing else', async () => {
    const ann = await space.withKey({ userId: 'ann' });
    expect((await list({}, ann)).memories).toHaveLength(ROWS);
    const bob = await space.withKey({ userId: 'bob' });
    const seen = (await list({}, bob)).memories;
    expect(seen).toHaveLength(ROWS - ROWS / 3);
    expect(seen.every(({ scope }) => scope === Scope.WORKSPACE)).toBe(true);
  });

  it('refuses a token of another workspace, filter, order, reach or RPC, and a damaged one', async () => {
    const fields = { filter: 'category = "even"', orderBy: 'create_time', limit: 5 };
    const pageToken = (await list(fields)).token ?? '';
    expect((await list({ ...fields, orderBy: 'create_time asc', limit: 6, pageToken })).memories).toHaveLength(6);
    const bob = await space.withKey({ userId: 'bob' });
    const other = await server().newWorkspace();
    const last = pageToken.at(-1) === 'A' ? 'B' : 'A';
    const [revisions] = await collect(space.memories.listRevisions({ memoryId: ids[0] ?? '', limit: 1 }));
    for (const call of [
      space.memories.listMemories({ ...fields, pageToken, filter: 'category = "odd"' }),
      space.memories.listMemories({ ...fields, pageToken, orderBy: 'create_time desc' }),
      space.memories.listMemories({ ...fields, pageToken, showDeleted: true }),
      space.memories.listMemories({ ...fields, pageToken: pageToken.slice(0, -1) + last }),
      space.memories.listMemories({ ...fields, pageToken: 'sesame' }),
      space.memories.listMemories({ pageToken: revisions?.nextPageToken ?? '' }),
      bob.listMemories({ ...fields, pageToken }),
      other.memories.listMemories({ ...fields, pageToken }),
    ]) {
      const error = await refusalOf(call);
      expect(error).toMatchObject({ codeName: 'INVALID_ARGUMENT', reason: 'INVALID_TOKEN' });
      expect(fieldsOf(error)).toEqual(['page_token']);
    }
  });

  it('refuses what is wrong with the request, naming it', async () => {
    const error = await refusalOf(
      space.memories.listMemories({ limit: -1, orderBy: 'content; DROP', view: 7 as View }),
    );
    expect(fieldsOf(error)).toEqual(['limit', 'view', 'order_by']);
    const filter = await refusalOf(space.memories.listMemories({ filter: 'colour = "red"' }));
    expect(filter).toMatchObject({ reason: 'INVALID_FILTER', metadata: { position: '1', field: 'colour' } });
  });

  it('shows deleted memories only when asked', async () => {
    const own = await server().newWorkspace();
    const { memories } = await own.memories.batchSaveMemories({ memories: [{ content: 'a' }, { content: 'b' }] });
    await own.memories.deleteMemory({ id: memories[0]?.id ?? '' });
    expect((await list({}, own.memories)).memories.map(({ content }) => content)).toEqual(['b']);
    expect((await list({ showDeleted: true }, own.memories)).memories).toHaveLength(2);
  });

  it('keeps its messages under 1 MiB and not much under 128 KiB, however large the memories are', async () => {
    const own = await server().newWorkspace();
    await own.memories.saveMemory({ memory: { content: 'x'.repeat(262_144) } });
    expect((await list({}, own.memories)).messages).toHaveLength(1);
    const sizes = [1, 262_144, 262_144, 500, 130_000, 262_144, 262_144, 262_144, 1, 1, 262_144];
    for (const size of sizes) await own.memories.saveMemory({ memory: { content: 'x'.repeat(size) } });
    const { messages, memories } = await list({ orderBy: 'create_time' }, own.memories);
    expect(memories.map(({ content }) => content.length)).toEqual([262_144, ...sizes]);
    const bytes = messages.map((message) => ListMemoriesResponse.encode(message).finish().length);
    expect(Math.max(...bytes)).toBeLessThan(LIMITS.streamBytes.max);
    // Behind a large one the next page asks for few, and a page ends a message.
    expect(messages.length).toBeLessThanOrEqual(sizes.filter((size) => size > 100_000).length + 3);
  });

  it('reads ahead by one page: a reader that stops after the first message costs two statements', async () => {
    const { statements } = server().repository;
    const before = statements.length;
    for await (const message of space.memories.listMemories({})) {
      expect(message.memories.length).toBeGreaterThan(0);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    // The chain keeps one message ready behind the one on the wire.
    expect(statements.length - before).toBeLessThanOrEqual(4);
  });
});
