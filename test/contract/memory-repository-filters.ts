import { describe, expect, it } from 'vitest';
import type { Comparator, Filter } from '../../src/server/domain/filter/ast.ts';
import type { JsonObject } from '../../src/server/domain/memory.ts';
import { WrittenRows } from '../../src/server/domain/written-rows.ts';
import { fields, type Hub, memoriesOf, personal, save, WRITE } from './fixtures.ts';

function metadata(path: string, comparator: Comparator | 'has', value: string | number | boolean | null): Filter {
  return { op: 'metadata', path: path.split('.'), comparator, value };
}

function text(
  field: 'content' | 'category' | 'key' | 'id' | 'author',
  comparator: Comparator | 'has',
  value: string,
): Filter {
  return { op: 'text', field, comparator, value };
}

function not(operand: Filter): Filter {
  return { op: 'not', operand };
}

/** What filters mean, in lists and in exports alike. */
export function filterContract(newHub: () => Promise<Hub>): void {
  /** Contents that match, in the order they were saved. */
  async function matching(hub: Hub, filter: Filter): Promise<string> {
    const listed = (await hub.list({ filter, pageSize: 3 })).map((memory) => memory.content).join(' ');
    const { revision, time } = await hub.repository.beginExport(hub.call, hub.workspaceId);
    const query = { ...hub.listQuery({ filter }), revision, time, afterId: undefined };
    const { rows } = await hub.repository.exportPage(hub.call, query, new WrittenRows(WRITE));
    const exported = memoriesOf(rows).sort((a, b) => a.changeNo - b.changeNo);
    expect(exported.map((memory) => memory.content).join(' ')).toBe(listed);
    return listed;
  }

  async function hubWith(values: Record<string, JsonObject | undefined>): Promise<Hub> {
    const hub = await newHub();
    for (const [content, value] of Object.entries(values)) {
      await hub.done(save({ fields: fields({ content, metadata: value }) }));
    }
    return hub;
  }

  describe('metadata', () => {
    it('compares numbers as numbers, texts as texts, and never one with the other', async () => {
      const hub = await hubWith({
        nine: { v: 9 },
        ten: { v: 10 },
        half: { v: 9.5 },
        text9: { v: '9' },
        text10: { v: '10' },
        yes: { v: true },
        null: { v: null },
        none: undefined,
        other: { w: 1 },
      });
      expect(await matching(hub, metadata('v', '<', 10))).toBe('nine half');
      expect(await matching(hub, metadata('v', '>=', 9.5))).toBe('ten half');
      expect(await matching(hub, metadata('v', '=', 10))).toBe('ten');
      expect(await matching(hub, metadata('v', '<', '9'))).toBe('text10');
      expect(await matching(hub, metadata('v', '=', '9'))).toBe('text9');
      expect(await matching(hub, metadata('v', '=', true))).toBe('yes');
      expect(await matching(hub, metadata('v', '=', null))).toBe('null');
      expect(await matching(hub, metadata('v', '!=', 9))).toBe('ten half text9 text10 yes null none other');
      expect(await matching(hub, not(metadata('v', '=', 9)))).toBe('ten half text9 text10 yes null none other');
      expect(await matching(hub, not(metadata('v', '<', 10)))).toBe('ten text9 text10 yes null none other');
    });

    it('has a path, a value, or an array with it', async () => {
      const hub = await hubWith({
        list: { v: ['a', 1, null] },
        value: { v: 'a' },
        deep: { v: { w: ['b'] } },
        null: { v: null },
        none: { w: 'a' },
      });
      expect(await matching(hub, metadata('v', 'has', '*'))).toBe('list value deep null');
      expect(await matching(hub, metadata('v.w', 'has', '*'))).toBe('deep');
      expect(await matching(hub, metadata('v', 'has', 'a'))).toBe('list value');
      expect(await matching(hub, metadata('v', 'has', 1))).toBe('list');
      expect(await matching(hub, metadata('v.w', 'has', 'b'))).toBe('deep');
    });

    it('takes names and values literally', async () => {
      const hub = await hubWith({
        quote: { "a'b": "x' OR '1'='1" },
        back: { 'a\\"b': '{},"' },
        proto: { constructor: 1 },
      });
      expect(await matching(hub, metadata("a'b", '=', "x' OR '1'='1"))).toBe('quote');
      expect(await matching(hub, metadata('a\\"b', '=', '{},"'))).toBe('back');
      expect(await matching(hub, metadata('constructor', '=', 1))).toBe('proto');
      expect(await matching(hub, metadata('toString', 'has', '*'))).toBe('');
    });
  });

  describe('text', () => {
    it('contains, equals and orders byte by byte, taken literally', async () => {
      const hub = await newHub();
      for (const content of ['100%_sure', "it's", 'Zebra', 'apple', 'Äpfel']) await hub.done(save({ content }));
      expect(await matching(hub, text('content', 'has', '%_'))).toBe('100%_sure');
      expect(await matching(hub, text('content', 'has', "'"))).toBe("it's");
      expect(await matching(hub, text('content', 'has', 'A'))).toBe('');
      expect(await matching(hub, text('content', '=', 'apple'))).toBe('apple');
      expect(await matching(hub, text('content', '>=', 'Zebra'))).toBe("it's Zebra apple Äpfel");
      expect(await matching(hub, not(text('content', '>', 'a')))).toBe('100%_sure Zebra');
    });

    it('knows key, owner, author and id', async () => {
      const hub = await newHub();
      const one = await hub.done(save({ content: 'one', key: 'k', owner: personal('ann') }), { author: 'robot' });
      await hub.done(save({ content: 'two' }));
      expect(await matching(hub, text('key', '=', 'k'))).toBe('one');
      expect(await matching(hub, text('key', '=', ''))).toBe('two');
      expect(await matching(hub, text('author', '!=', 'robot'))).toBe('two');
      expect(await matching(hub, text('id', '=', one.id))).toBe('one');
      expect(await matching(hub, text('id', '!=', one.id))).toBe('two');
      expect(await matching(hub, text('id', 'has', one.id.toUpperCase()))).toBe('one');
      expect(await matching(hub, text('id', '=', 'no-uuid'))).toBe('');
      expect(await matching(hub, text('id', '!=', 'no-uuid'))).toBe('one two');
      expect(await matching(hub, { op: 'text', field: 'user_id', comparator: '=', value: '' })).toBe('two');
      expect(await matching(hub, { op: 'scope', comparator: '=', value: 1 })).toBe('one');
    });

    it('with U+0000 is refused, for no memory can hold it', async () => {
      const hub = await newHub();
      const listing = hub.list({ filter: text('content', '=', 'a\0') });
      await expect(listing).rejects.toMatchObject({ reason: 'INVALID_FILTER' });
    });
  });

  describe('times, revisions, tags and their combinations', () => {
    it('compare to the microsecond, and no expiry matches nothing but !=', async () => {
      const hub = await newHub();
      const one = await hub.done(save({ fields: fields({ content: 'one', expireTime: 4_000_000_000_000_001 }) }));
      const two = await hub.done(save({ content: 'two' }));
      const time = (
        field: 'create_time' | 'update_time' | 'expire_time',
        comparator: Comparator,
        value: number,
      ): Filter => ({
        op: 'time',
        field,
        comparator,
        value,
      });
      expect(await matching(hub, time('create_time', '<=', one.createTime))).toBe('one');
      expect(await matching(hub, time('create_time', '>', one.createTime))).toBe('two');
      expect(await matching(hub, time('create_time', '!=', one.createTime))).toBe('two');
      expect(await matching(hub, time('update_time', '=', two.updateTime))).toBe('two');
      expect(await matching(hub, time('expire_time', '=', 4_000_000_000_000_001))).toBe('one');
      expect(await matching(hub, time('expire_time', '<', 4_000_000_000_000_001))).toBe('');
      expect(await matching(hub, time('expire_time', '!=', 4_000_000_000_000_001))).toBe('two');
      expect(await matching(hub, not(time('expire_time', '>', 1)))).toBe('two');
    });

    it('combine', async () => {
      const hub = await newHub();
      for (const [content, category, tags] of [
        ['one', 'a', ['x', 'y']],
        ['two', 'a', ['y']],
        ['three', 'b', []],
      ] as const) {
        await hub.done(save({ fields: fields({ content, category, tags }) }));
      }
      const tag = (value: string): Filter => ({ op: 'tag', value });
      const category = (value: string) => text('category', '=', value);
      expect(await matching(hub, { op: 'and', operands: [category('a'), tag('x')] })).toBe('one');
      expect(await matching(hub, { op: 'and', operands: [category('a'), not(tag('x'))] })).toBe('two');
      expect(await matching(hub, { op: 'or', operands: [category('b'), tag('x')] })).toBe('one three');
      expect(await matching(hub, not({ op: 'or', operands: [category('b'), tag('x')] }))).toBe('two');
      expect(await matching(hub, { op: 'and', operands: [category('a'), category('b')] })).toBe('');
      expect(await matching(hub, { op: 'revision', comparator: '>', value: 0.5 })).toBe('one two three');
    });
  });
}
