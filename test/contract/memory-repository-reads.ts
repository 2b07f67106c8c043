import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Consistency, type Memory } from '../../src/server/domain/memory.ts';
import { Field, type ListPosition } from '../../src/server/domain/repository.ts';
import { WrittenRows } from '../../src/server/domain/written-rows.ts';
import { fields, type Hub, memoriesOf, ofTeam, personal, remove, save, update, WRITE } from './fixtures.ts';

const LONG_AGO = 1_000_000_000_000_000;

export function readContract(newHub: () => Promise<Hub>): void {
  describe('get', () => {
    it('answers in the order asked, dead memories too, and undefined where there is none', async () => {
      const hub = await newHub();
      const living = await hub.done(save({ content: 'living' }));
      const deleted = await hub.done(save());
      await hub.done(remove(deleted.id));
      const expired = await hub.done(save({ fields: fields({ expireTime: LONG_AGO }) }));
      const ids = [expired.id, randomUUID(), living.id, deleted.id, living.id];
      for (const consistency of Object.values(Consistency)) {
        const records = await hub.repository.get(hub.call, ids, consistency);
        expect(records.map((record) => record?.memory.id)).toEqual([
          expired.id,
          undefined,
          living.id,
          deleted.id,
          living.id,
        ]);
        expect(records[3]?.deleteTime).toBeGreaterThan(deleted.createTime);
        expect(records[0]?.expireTime).toBe(LONG_AGO);
      }
    });

    it('answers a thousand ids at once, and none', async () => {
      const hub = await newHub();
      const changes = Array.from({ length: 1000 }, (_, index) => save({ content: `memory ${index}`, fresh: true }));
      await hub.write(changes);
      const records = await hub.repository.get(
        hub.call,
        changes.map((change) => change.id),
        Consistency.STRONG,
      );
      expect(records.map((record) => record?.memory.content)).toEqual(changes.map((change) => change.fields.content));
      expect(await hub.repository.get(hub.call, [], Consistency.STRONG)).toEqual([]);
    });
  });

  describe('list', () => {
    it.each([
      ['create_time', false],
      ['create_time', true],
      ['update_time', false],
      ['update_time', true],
    ] as const)('pages by %s (descending: %s) without skipping or doubling a row', async (by, descending) => {
      const hub = await newHub();
      // A batch has one time for all its rows, so that only ids tell them apart; batches follow within microseconds.
      for (let batch = 0; batch < 5; batch++) await hub.write(Array.from({ length: 9 }, () => save({ fresh: true })));
      const all = await hub.list({ order: { by, descending } });
      await Promise.all(all.slice(0, 7).map(({ id }) => hub.done(update(id, Field.CONTENT, { content: 'new' }))));
      const whole = await hub.list({ order: { by, descending } });
      expect(new Set(whole.map(({ id }) => id)).size).toBe(45);
      const key = by === 'create_time' ? 'createTime' : 'changeNo';
      const sorted = [...whole].sort((a, b) => (a[key] - b[key] || (a.id < b.id ? -1 : 1)) * (descending ? -1 : 1));
      expect(whole).toEqual(sorted);
      for (const pageSize of [1, 7, 44, 45]) {
        expect(await hub.list({ order: { by, descending }, pageSize })).toEqual(whole);
      }
    });

    it('says where the next page starts only when there may be one', async () => {
      const hub = await newHub();
      await hub.write(Array.from({ length: 4 }, () => save({ fresh: true })));
      const page = await hub.repository.list(hub.call, hub.listQuery({ pageSize: 4 }), new WrittenRows(WRITE));
      expect(page.rows.count).toBe(4);
      expect(page.next).toBeUndefined();
      const first = await hub.repository.list(hub.call, hub.listQuery({ pageSize: 3 }), new WrittenRows(WRITE));
      expect(first.next?.id).toBe(memoriesOf(first.rows)[2]?.id);
    });

    it('ends a page at its bytes, whatever they are of, and goes on behind it', async () => {
      const hub = await newHub();
      const large = [
        { content: 'x'.repeat(20_000) },
        { content: '한'.repeat(7_000) },
        { content: 'm', metadata: { list: Array<number>(35).fill(1e300) } },
        { content: 't', tags: Array.from({ length: 64 }, (_, index) => `${index}`.padEnd(128, '"')) },
      ];
      for (let n = 0; n < 12; n++) await hub.done(save({ fields: fields(large[n % large.length]) }));
      const whole = await hub.list();
      for (const by of ['create_time', 'update_time'] as const) {
        const order = { by, descending: false };
        // 20, 21, 0 and 8 KB as messages: 45,000 are reached by the fourth of any four.
        const sizes: number[] = [];
        const listed: Memory[] = [];
        let after: ListPosition | undefined;
        do {
          const page = await hub.repository.list(
            hub.call,
            hub.listQuery({ order, after, pageBytes: 45_000 }),
            new WrittenRows(WRITE),
          );
          sizes.push(page.rows.count);
          listed.push(...memoriesOf(page.rows));
          after = page.next;
        } while (after !== undefined);
        expect(listed).toEqual(whole);
        expect(sizes).toEqual([4, 4, 4]);
        expect(await hub.list({ order, pageBytes: 1 })).toEqual(whole);
        expect(
          (await hub.repository.list(hub.call, hub.listQuery({ order, pageBytes: 1 }), new WrittenRows(WRITE))).rows
            .count,
        ).toBe(1);
      }
      const rare = { op: 'text', field: 'content', comparator: '=', value: 'm' } as const;
      expect(await hub.list({ filter: rare, pageBytes: 30_000 })).toEqual(
        whole.filter(({ content }) => content === 'm'),
      );
    });

    it('shows the living, and on request the deleted, but never the expired', async () => {
      const hub = await newHub();
      const living = await hub.done(save());
      const deleted = await hub.done(save());
      await hub.done(remove(deleted.id));
      await hub.done(save({ fields: fields({ expireTime: LONG_AGO }) }));
      expect((await hub.list()).map(({ id }) => id)).toEqual([living.id]);
      expect((await hub.list({ showDeleted: true })).map(({ id }) => id)).toEqual([living.id, deleted.id]);
    });

    it('shows a bound credential what it reaches, whatever is asked for', async () => {
      const hub = await newHub();
      const owners = [personal('ann'), personal('bob'), ofTeam('red'), ofTeam('blue'), undefined];
      for (let round = 0; round < 3; round++) {
        for (const owner of owners) {
          const name = owner === undefined ? 'shared' : owner.userId || owner.team;
          await hub.done(
            save({ ...(owner && { owner }), content: name, fields: fields({ content: name, category: 'c' }) }),
          );
        }
      }
      const seen = async (given: object) => [
        ...new Set((await hub.list({ pageSize: 2, ...given })).map((m) => m.content)),
      ];
      const ann = { userId: 'ann', teams: ['red'] };
      for (const by of ['create_time', 'update_time'] as const) {
        const order = { by, descending: true };
        expect((await seen({ order, access: ann })).sort()).toEqual(['ann', 'red', 'shared']);
        expect((await seen({ order, access: { userId: '', teams: ['blue'] } })).sort()).toEqual(['blue', 'shared']);
        expect((await seen({ order, access: { userId: 'bob', teams: [] } })).sort()).toEqual(['bob', 'shared']);
        const of = (field: 'user_id' | 'team' | 'category', value: string) =>
          seen({ order, access: ann, filter: { op: 'text', field, comparator: '=', value } });
        expect(await of('user_id', 'bob')).toEqual([]);
        expect(await of('user_id', 'ann')).toEqual(['ann']);
        expect(await of('team', 'blue')).toEqual([]);
        expect(await of('team', 'red')).toEqual(['red']);
        expect((await of('category', 'c')).sort()).toEqual(['ann', 'red', 'shared']);
      }
      const merged = await hub.list({ access: ann, pageSize: 2 });
      expect(merged.map((m) => m.changeNo)).toEqual([1, 3, 5, 6, 8, 10, 11, 13, 15]);
    });
  });

  describe('history', () => {
    it('lists every revision newest first, as it was, with author and note', async () => {
      const hub = await newHub();
      const first = await hub.done(save({ content: 'one' }), { note: 'begin', author: 'ann' });
      const second = await hub.done(save({ id: first.id, content: 'two' }), { author: 'bob' });
      const third = await hub.done(remove(first.id));
      const all = (await hub.history(first.id)).revisions;
      expect(all.map((revision) => revision.memory)).toEqual([third, second, first]);
      expect(all.map((revision) => [revision.operation, revision.note, revision.memory.author])).toEqual([
        [3, '', 'tester'],
        [2, '', 'bob'],
        [1, 'begin', 'ann'],
      ]);
      expect(await hub.history(first.id, { pageSize: 2 })).toEqual({ revisions: all.slice(0, 2), next: 2 });
      expect(await hub.history(first.id, { pageSize: 2, before: 2 })).toEqual({
        revisions: all.slice(2),
        next: undefined,
      });
      expect((await hub.history(first.id, { pageSize: 3 })).next).toBeUndefined();
      expect(await hub.repository.revision(hub.call, hub.workspaceId, first.id, 2)).toEqual(all[1]);
      expect(await hub.repository.revision(hub.call, hub.workspaceId, first.id, 4)).toBeUndefined();
      expect(await hub.repository.revision(hub.call, hub.workspaceId, randomUUID(), 1)).toBeUndefined();
    });
  });

  it('ends a page of a history at its bytes', async () => {
    const hub = await newHub();
    const { id } = await hub.done(save());
    for (let n = 0; n < 6; n++) await hub.done(save({ id, content: `${n}`.repeat(10_000) }));
    const all = (await hub.history(id)).revisions;
    expect(all).toHaveLength(7);
    const first = await hub.history(id, { pageBytes: 25_000 });
    expect(first).toEqual({ revisions: all.slice(0, 3), next: 5 });
    expect(await hub.history(id, { pageBytes: 25_000, before: 5 })).toEqual({ revisions: all.slice(3, 6), next: 2 });
    expect(await hub.history(id, { pageBytes: 1, before: 2 })).toEqual({ revisions: all.slice(6), next: undefined });
  });

  describe('storageInfo', () => {
    it('counts what the caller reaches, by scope, team and category', async () => {
      const hub = await newHub();
      await hub.done(save({ owner: personal('ann'), fields: fields({ content: 'äöü', category: 'a' }) }));
      await hub.done(save({ owner: ofTeam('red'), fields: fields({ content: '12345', category: 'b' }) }));
      await hub.done(save({ owner: ofTeam('red'), fields: fields({ content: '1', category: 'b' }) }));
      const gone = await hub.done(save({ content: 'gone' }));
      await hub.done(remove(gone.id));
      await hub.done(save({ fields: fields({ expireTime: LONG_AGO }) }));
      const { at, ...info } = await hub.repository.storageInfo(hub.call, hub.workspaceId, { userId: '', teams: [] });
      expect(info).toEqual({
        memories: 3,
        contentBytes: 12,
        deletedMemories: 1,
        byScope: [
          { name: 'PERSONAL', memories: 1, contentBytes: 6 },
          { name: 'TEAM', memories: 2, contentBytes: 6 },
        ],
        byTeam: [{ name: 'red', memories: 2, contentBytes: 6 }],
        byCategory: [
          { name: 'b', memories: 2, contentBytes: 6 },
          { name: 'a', memories: 1, contentBytes: 6 },
        ],
        revision: 6,
      });
      expect(at).toBeGreaterThan(LONG_AGO);
      const bound = await hub.repository.storageInfo(hub.call, hub.workspaceId, { userId: 'ann', teams: [] });
      expect(bound).toMatchObject({ memories: 1, contentBytes: 6, byTeam: [] });
      const empty = await newHub();
      expect(
        await empty.repository.storageInfo(empty.call, empty.workspaceId, { userId: '', teams: [] }),
      ).toMatchObject({
        memories: 0,
        contentBytes: 0,
        revision: 0,
        byScope: [],
      });
    });
  });

  it('describes its engine', async () => {
    const hub = await newHub();
    const description = await hub.repository.describe(hub.call);
    expect(description.engine).toBe('PostgreSQL');
    expect(description.version).toMatch(/^\d+/);
    expect(description.capabilities).toContain('export-at-revision');
  });
}
