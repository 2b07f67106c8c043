import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Operation, Scope } from '../../src/server/domain/memory.ts';
import { Field } from '../../src/server/domain/repository.ts';
import { callIn, fields, type Hub, ofTeam, personal, remove, restore, save, update } from './fixtures.ts';

const HOUR = 3_600_000_000;
const LONG_AGO = 1_000_000_000_000_000;

/** What every kind of change does to every state a memory can be in. */
export function writeContract(newHub: () => Promise<Hub>): void {
  describe('save', () => {
    it('keeps every field to the byte and the microsecond', async () => {
      const hub = await newHub();
      const wanted = {
        category: 'räume "1"',
        content: 'a\\b "quoted", {braces}\nline\t\u{1f600} NULL',
        tags: ['plain', 'with space', 'quo"te', 'back\\slash', 'NULL', '', 'com,ma', '{}'],
        metadata: { b: [1, 2.5, null, true], a: { 'x"y': 'z' }, big: 1e21, __proto_x: 'p' },
        expireTime: 4_102_444_800_123_457,
        ttlMicros: undefined,
      };
      const saved = await hub.done(save({ key: 'user:1', owner: personal('u'), fields: wanted }));
      const { ttlMicros: _, ...kept } = wanted;
      expect(saved).toMatchObject({ ...kept, key: 'user:1', userId: 'u', author: 'tester', revision: 1 });
      expect(saved.updateTime).toBe(saved.createTime);
      expect(saved.deleteTime).toBeUndefined();
      expect(await hub.get(saved.id)).toEqual(saved);
    });

    it('numbers the changes of a workspace from 1 without gaps, and the writes of a memory likewise', async () => {
      const hub = await newHub();
      const first = await hub.done(save({ fresh: true }));
      const second = await hub.done(save({ id: first.id, content: 'again' }));
      const third = await hub.done(save());
      expect([first, second, third].map((m) => [m.changeNo, m.revision])).toEqual([
        [1, 1],
        [2, 2],
        [3, 1],
      ]);
      expect(second.createTime).toBe(first.createTime);
      expect(second.updateTime).toBeGreaterThan(first.updateTime);
      const outcome = await hub.write(save());
      expect(outcome).toMatchObject({ kind: 'done', replayed: false, head: 4 });
    });

    it('replaces all fields, so that what is left out is gone', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save({ fields: fields({ category: 'c', tags: ['t'], metadata: { a: 1 } }) }));
      await hub.done(save({ id, content: 'bare' }));
      expect(await hub.get(id)).toMatchObject({ category: '', tags: [], metadata: undefined, content: 'bare' });
    });

    it('counts a ttl from the update time of the write', async () => {
      const hub = await newHub();
      const saved = await hub.done(save({ fields: fields({ ttlMicros: HOUR }) }));
      expect(saved.expireTime).toBe(saved.updateTime + HOUR);
    });

    it('with createOnly is refused when a living memory is there, and not when a dead one is', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save({ createOnly: true }));
      expect(await hub.refused(save({ id, createOnly: true }))).toEqual({ kind: 'exists' });
      await hub.done(remove(id));
      expect(await hub.done(save({ id, createOnly: true }))).toMatchObject({ revision: 3 });
    });

    it.each([
      ['deleted', async (hub: Hub, id: string) => void (await hub.done(remove(id)))],
      [
        'expired',
        async (hub: Hub, id: string) => void (await hub.done(update(id, Field.EXPIRY, { expireTime: LONG_AGO }))),
      ],
    ])('over a %s memory makes a new one that goes on counting revisions', async (_, kill) => {
      const hub = await newHub();
      const old = await hub.done(save());
      await kill(hub, old.id);
      const saved = await hub.done(save({ id: old.id, content: 'new life' }));
      expect(saved).toMatchObject({ revision: 3, deleteTime: undefined, expireTime: undefined });
      expect(saved.createTime).toBe(saved.updateTime);
      expect(saved.createTime).toBeGreaterThan(old.createTime);
      const [newest] = (await hub.history(old.id, { pageSize: 1 })).revisions;
      expect(newest?.operation).toBe(Operation.CREATE);
    });

    it('never changes scope, owner or key while any row is there', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save({ owner: personal('ann'), key: 'k' }));
      await hub.done(remove(id));
      const at = (change: object) => hub.refused(save({ id, owner: personal('ann'), key: 'k', ...change }));
      expect(await at({ owner: ofTeam('t') })).toEqual({ kind: 'owner_fixed', field: 'scope' });
      expect(await at({ owner: personal('bob') })).toEqual({ kind: 'owner_fixed', field: 'user_id' });
      expect(await at({ key: 'other' })).toEqual({ kind: 'owner_fixed', field: 'key' });
      const team = await hub.done(save({ owner: ofTeam('a') }));
      expect(await hub.refused(save({ id: team.id, owner: ofTeam('b') }))).toEqual({
        kind: 'owner_fixed',
        field: 'team',
      });
    });
  });

  describe('the etag guard', () => {
    it('lets a write through only on the change number of the living memory', async () => {
      const hub = await newHub();
      const first = await hub.done(save());
      const { id } = first;
      const stale = { kind: 'etag_mismatch', currentChangeNo: 2 };
      await hub.done(save({ id, expectedChangeNo: first.changeNo }));
      expect(await hub.refused(save({ id, expectedChangeNo: first.changeNo }))).toEqual(stale);
      expect(await hub.refused(update(id, Field.CONTENT, { content: 'x' }, first.changeNo))).toEqual(stale);
      expect(await hub.refused(remove(id, false, first.changeNo))).toEqual(stale);
      expect(await hub.refused(restore(id, 1, first.changeNo))).toEqual(stale);
      const updated = await hub.done(update(id, Field.CONTENT, { content: 'x' }, 2));
      const restored = await hub.done(restore(id, 1, updated.changeNo));
      const deleted = await hub.done(remove(id, false, restored.changeNo));
      expect(deleted.deleteTime).toBe(deleted.updateTime);
    });

    it('takes an absent or dead memory for none, and 0 for no memory at all', async () => {
      const hub = await newHub();
      const absent = { kind: 'etag_mismatch', currentChangeNo: 0 };
      expect(await hub.refused(save({ expectedChangeNo: 1 }))).toEqual(absent);
      expect(await hub.refused(save({ expectedChangeNo: 0 }))).toEqual(absent);
      const { id } = await hub.done(save());
      const deleted = await hub.done(remove(id));
      expect(await hub.refused(save({ id, expectedChangeNo: deleted.changeNo }))).toEqual(absent);
    });

    it('of a restore holds the etag that the deletion answered with', async () => {
      const hub = await newHub();
      const { id, changeNo } = await hub.done(save());
      const deleted = await hub.done(remove(id));
      expect(await hub.refused(restore(id, 0, changeNo))).toEqual({
        kind: 'etag_mismatch',
        currentChangeNo: deleted.changeNo,
      });
      expect(await hub.done(restore(id, 0, deleted.changeNo))).toMatchObject({ revision: 3 });
    });
  });

  describe('update', () => {
    it('sets the fields of its mask and keeps the others', async () => {
      const hub = await newHub();
      const all = { category: 'c', content: 'one', tags: ['t'], metadata: { a: 1 }, expireTime: 4_102_444_800_000_000 };
      const saved = await hub.done(save({ fields: fields(all) }));
      const content = await hub.done(update(saved.id, Field.CONTENT, { content: 'two' }));
      expect(content).toMatchObject({ ...all, content: 'two', revision: 2, createTime: saved.createTime });
      const rest = await hub.done(
        update(saved.id, Field.CATEGORY | Field.TAGS | Field.METADATA | Field.EXPIRY, {
          category: 'd',
          tags: ['u', 'v'],
        }),
      );
      expect(rest).toMatchObject({
        category: 'd',
        content: 'two',
        tags: ['u', 'v'],
        metadata: undefined,
        expireTime: undefined,
      });
      expect(await hub.get(saved.id)).toEqual(rest);
    });

    it('finds no missing, deleted or expired memory', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save());
      const change = (target: string) => hub.refused(update(target, Field.CONTENT, { content: 'x' }));
      expect(await change(randomUUID())).toEqual({ kind: 'not_found' });
      await hub.done(update(id, Field.EXPIRY, { expireTime: LONG_AGO }));
      expect(await change(id)).toEqual({ kind: 'not_found' });
      await hub.done(save({ id }));
      await hub.done(remove(id));
      expect(await change(id)).toEqual({ kind: 'not_found' });
    });
  });

  describe('delete', () => {
    it('keeps the memory with a delete time, and its history', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save({ content: 'kept' }));
      const deleted = await hub.done(remove(id), { note: 'why' });
      expect(deleted).toMatchObject({ revision: 2, content: 'kept' });
      expect(await hub.get(id)).toEqual(deleted);
      const revision = await hub.repository.revision(hub.call, hub.workspaceId, id, 2);
      expect(revision).toEqual({ operation: Operation.DELETE, note: 'why', memory: deleted });
    });

    it('of a missing, deleted or expired memory is not_found, or nothing when that is allowed', async () => {
      const hub = await newHub();
      const deleted = await hub.done(save());
      await hub.done(remove(deleted.id));
      const expired = await hub.done(save({ fields: fields({ expireTime: LONG_AGO }) }));
      for (const id of [randomUUID(), deleted.id, expired.id]) {
        expect(await hub.refused(remove(id))).toEqual({ kind: 'not_found' });
        expect(await hub.write(remove(id, true))).toEqual({
          kind: 'done',
          replayed: false,
          records: [undefined],
          head: 3,
        });
      }
    });
  });

  describe('restore', () => {
    it('brings a deleted memory back as it was', async () => {
      const hub = await newHub();
      const saved = await hub.done(save({ fields: fields({ content: 'back', tags: ['t'], metadata: { a: 1 } }) }));
      await hub.done(remove(saved.id));
      const restored = await hub.done(restore(saved.id));
      expect(restored).toEqual({ ...saved, revision: 3, changeNo: 3, updateTime: restored.updateTime });
      expect((await hub.repository.revision(hub.call, hub.workspaceId, saved.id, 3))?.operation).toBe(
        Operation.RESTORE,
      );
    });

    it('brings back an earlier revision of a living or a deleted memory', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save({ fields: fields({ content: 'one', category: 'c', tags: ['a'] }) }));
      await hub.done(save({ id, content: 'two' }));
      expect(await hub.done(restore(id, 1))).toMatchObject({ content: 'one', category: 'c', tags: ['a'], revision: 3 });
      await hub.done(remove(id));
      expect(await hub.done(restore(id, 2))).toMatchObject({
        content: 'two',
        tags: [],
        revision: 5,
        deleteTime: undefined,
      });
    });

    it('drops an expiry that has passed', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save({ content: 'one', fields: fields({ expireTime: LONG_AGO }) }));
      await hub.done(save({ id, content: 'two' }));
      expect((await hub.done(restore(id, 1))).expireTime).toBeUndefined();
      const later = await hub.done(save({ fields: fields({ ttlMicros: HOUR }) }));
      await hub.done(remove(later.id));
      expect((await hub.done(restore(later.id))).expireTime).toBe(later.expireTime);
    });

    it('names what stands in its way', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save());
      expect(await hub.refused(restore(randomUUID()))).toEqual({ kind: 'not_found' });
      expect(await hub.refused(restore(id))).toEqual({ kind: 'not_deleted' });
      expect(await hub.refused(restore(id, 9))).toEqual({ kind: 'revision_not_found' });
      const expired = await hub.done(save({ fields: fields({ expireTime: LONG_AGO }) }));
      expect(await hub.refused(restore(expired.id))).toEqual({ kind: 'not_found' });
      expect(await hub.refused(restore(expired.id, 1))).toEqual({ kind: 'not_found' });
    });
  });

  describe('access', () => {
    it('takes what it does not reach for missing, in every kind of change', async () => {
      const hub = await newHub();
      const ann = await hub.done(save({ owner: personal('ann') }));
      const red = await hub.done(save({ owner: ofTeam('red') }));
      const shared = await hub.done(save());
      const call = callIn(hub.workspaceId, { access: { userId: 'bob', teams: ['blue', 'gr"een'] } });
      for (const { id, ...owner } of [ann, red]) {
        for (const change of [
          save({ id, owner }),
          save({ id, owner: personal('bob') }),
          update(id, Field.CONTENT, { content: 'x' }),
          remove(id),
          restore(id, 1),
        ]) {
          expect(await hub.write(change, {}, call)).toEqual({
            kind: 'refused',
            index: 0,
            refusal: { kind: 'not_found' },
          });
        }
        expect(await hub.write(remove(id, true), {}, call)).toMatchObject({ kind: 'done', records: [undefined] });
        expect((await hub.get(id))?.revision).toBe(1);
      }
      for (const owner of [personal('bob'), ofTeam('blue'), ofTeam('gr"een'), shared]) {
        expect(await hub.write(save({ owner }), {}, call)).toMatchObject({ kind: 'done' });
      }
      expect(await hub.write(save({ owner: personal('ann') }), {}, call)).toMatchObject({ kind: 'refused' });
      expect(await hub.write(save({ id: shared.id }), {}, call)).toMatchObject({ kind: 'done' });
    });

    it('never reaches from one workspace into another', async () => {
      const [one, other] = [await newHub(), await newHub()];
      const { id } = await one.done(save({ content: 'mine' }));
      expect(await other.get(id)).toBeUndefined();
      expect(await other.refused(remove(id))).toEqual({ kind: 'not_found' });
      expect(await other.done(save({ id, content: 'theirs' }))).toMatchObject({ revision: 1, changeNo: 1 });
      const both = await Promise.all([one.get(id), other.get(id)]);
      expect(both.map((memory) => memory?.content)).toEqual(['mine', 'theirs']);
    });
  });

  describe('validateOnly', () => {
    it('decides and answers as if, and writes nothing', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save({ content: 'one' }));
      const outcome = await hub.write([save({ id, content: 'two' }), save()], { validateOnly: true });
      if (outcome.kind !== 'done') throw new Error('refused');
      expect(outcome.records.map((record) => [record?.memory.revision, record?.changeNo])).toEqual([
        [2, 2],
        [1, 3],
      ]);
      expect(outcome.head).toBe(1);
      expect(await hub.refused(save({ id, createOnly: true }), { validateOnly: true })).toEqual({ kind: 'exists' });
      expect(await hub.get(id)).toMatchObject({ content: 'one', revision: 1 });
      expect(await hub.done(save())).toMatchObject({ changeNo: 2 });
    });
  });

  it('bumping the cache epoch changes nothing else', async () => {
    const hub = await newHub();
    expect(await hub.done(save(), { bumpCacheEpoch: true })).toMatchObject({ changeNo: 1, scope: Scope.WORKSPACE });
  });
}
