import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Memory } from '../../src/server/domain/memory.ts';
import { Field, type WriteRequest } from '../../src/server/domain/repository.ts';
import { callIn, fields, type Hub, personal, remove, save, update } from './fixtures.ts';

/** An idempotent request. */
function identified(of: string, requestId: string = randomUUID()): Pick<WriteRequest, 'requestId' | 'requestHash'> {
  return { requestId, requestHash: createHash('sha256').update(of).digest() };
}

/** What requests as a whole promise: batches, retries, and what happens when they meet. */
export function requestContract(newHub: () => Promise<Hub>): void {
  describe('a batch', () => {
    it('writes all its changes in order, with numbers that follow each other', async () => {
      const hub = await newHub();
      const kept = await hub.done(save());
      const gone = await hub.done(save());
      const outcome = await hub.write([
        save({ fresh: true, content: 'new' }),
        update(kept.id, Field.CONTENT, { content: 'updated' }),
        remove(gone.id),
      ]);
      if (outcome.kind !== 'done') throw new Error('refused');
      expect(outcome.records.map((record) => record?.memory.changeNo)).toEqual([3, 4, 5]);
      expect(outcome.records.map((record) => record?.memory.content)).toEqual(['new', 'updated', 'content']);
      expect(outcome.head).toBe(5);
    });

    it('with one change that is refused writes none, and names its place', async () => {
      const hub = await newHub();
      const { id, changeNo } = await hub.done(save({ content: 'before' }));
      const others = Array.from({ length: 3 }, () => save());
      const request = identified('batch');
      expect(await hub.write([...others, save({ id, expectedChangeNo: changeNo + 1 })], request)).toEqual({
        kind: 'refused',
        index: 3,
        refusal: { kind: 'etag_mismatch', currentChangeNo: changeNo },
      });
      expect(await hub.get(others[0]?.id ?? '')).toBeUndefined();
      // A refusal is not remembered: the same request may go through later.
      expect(await hub.write([...others, save({ id, expectedChangeNo: changeNo })], request)).toMatchObject({
        kind: 'done',
        replayed: false,
        head: 5,
      });
    });

    it('of a thousand changes goes through', async () => {
      const hub = await newHub();
      const outcome = await hub.write(Array.from({ length: 1000 }, () => save({ fresh: true })));
      expect(outcome).toMatchObject({ kind: 'done', head: 1000 });
    });

    it('larger than a megabyte goes through, on its own or single', async () => {
      const hub = await newHub();
      const content = 'x'.repeat(256 * 1024);
      const outcome = await hub.write(Array.from({ length: 12 }, () => save({ content })));
      expect(outcome).toMatchObject({ kind: 'done', head: 12 });
      const singles = await Promise.all(Array.from({ length: 12 }, () => hub.done(save({ content: `${content}y` }))));
      expect(new Set(singles.map((memory) => memory.changeNo)).size).toBe(12);
      expect((await hub.get(singles[11]?.id ?? ''))?.content).toBe(`${content}y`);
    });
  });

  describe('a retry', () => {
    it('of a single change is answered as the first time, though the memory has changed since', async () => {
      const hub = await newHub();
      const request = identified('save', randomUUID());
      const first = await hub.done(
        save({ fields: fields({ content: 'one', tags: ['a'], metadata: { b: 1 } }) }),
        request,
      );
      await hub.done(save({ id: first.id, content: 'two' }));
      const again = await hub.write(save({ fresh: true, content: 'one' }), request);
      expect(again).toMatchObject({ kind: 'done', replayed: true, head: 2 });
      expect(again.kind === 'done' && again.records[0]?.memory).toEqual(first);
      expect(await hub.get(first.id)).toMatchObject({ content: 'two', revision: 2 });
    });

    it('of a batch is answered whole', async () => {
      const hub = await newHub();
      const request = identified('batch');
      const batch = () => Array.from({ length: 3 }, (_, index) => save({ fresh: true, content: `${index}` }));
      const first = await hub.write(batch(), request);
      const again = await hub.write(batch(), request);
      if (first.kind !== 'done' || again.kind !== 'done') throw new Error('refused');
      expect(again.replayed).toBe(true);
      expect(again.records.map((record) => record?.memory)).toEqual(first.records.map((record) => record?.memory));
      expect(again.head).toBe(3);
    });

    it('of a deletion that met missing memories tells the same ones apart', async () => {
      const hub = await newHub();
      const { id } = await hub.done(save());
      const missing = randomUUID();
      const request = identified('delete');
      const changes = [remove(missing, true), remove(id, true)];
      const first = await hub.write(changes, request);
      await hub.done(save({ id: missing }));
      const again = await hub.write(changes, request);
      if (first.kind !== 'done' || again.kind !== 'done') throw new Error('refused');
      expect(again.replayed).toBe(true);
      expect(again.records.map((record) => record?.memory)).toEqual([undefined, first.records[1]?.memory]);
      expect(await hub.get(missing)).toMatchObject({ deleteTime: undefined });

      const nothing = identified('nothing');
      await hub.write(remove(randomUUID(), true), nothing);
      expect(await hub.write(remove(missing, true), nothing)).toMatchObject({ replayed: true, records: [undefined] });
      expect(await hub.get(missing)).toMatchObject({ deleteTime: undefined });
    });

    it('with the same id for another request is refused', async () => {
      const hub = await newHub();
      const requestId = randomUUID();
      await hub.done(save(), identified('one', requestId));
      expect(await hub.refused(save(), identified('two', requestId))).toEqual({ kind: 'request_id_reused' });
      expect(await hub.write([save(), save()], identified('two', requestId))).toMatchObject({ kind: 'refused' });
      const other = await newHub();
      expect(await other.done(save(), identified('two', requestId))).toMatchObject({ changeNo: 1 });
    });

    it('by someone who does not reach what was written learns nothing of it', async () => {
      const hub = await newHub();
      const request = identified('save');
      await hub.done(save({ owner: personal('ann') }), request);
      const bob = callIn(hub.workspaceId, { access: { userId: 'bob', teams: [] } });
      expect(await hub.write(save({ owner: personal('bob') }), request, bob)).toEqual({
        kind: 'refused',
        index: 0,
        refusal: { kind: 'request_id_reused' },
      });
    });

    it('of a request that only validated is not a retry', async () => {
      const hub = await newHub();
      const request = identified('save');
      await hub.write(save(), { ...request, validateOnly: true });
      expect(await hub.write(save(), request)).toMatchObject({ replayed: false });
    });

    it('at the same moment is done once', async () => {
      const hub = await newHub();
      const request = identified('save');
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => hub.write(save({ fresh: true }), request)));
      expect(outcomes.filter((outcome) => outcome.kind === 'done' && !outcome.replayed)).toHaveLength(1);
      const ids = outcomes.map((outcome) => outcome.kind === 'done' && outcome.records[0]?.memory.id);
      expect(new Set(ids).size).toBe(1);
      expect(await hub.list()).toHaveLength(1);
    });
  });

  describe('at the same time', () => {
    it('100 saves of one memory are revisions 1 to 100, in the order they were handed in', async () => {
      const hub = await newHub();
      const id = randomUUID();
      const saved = await Promise.all(Array.from({ length: 100 }, (_, n) => hub.done(save({ id, content: `${n}` }))));
      expect(saved.map((memory) => memory.revision)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
      for (let n = 1; n < 100; n++) {
        expect(saved[n]?.updateTime).toBeGreaterThan((saved[n - 1] as Memory).updateTime);
      }
      expect(await hub.get(id)).toMatchObject({ content: '99', revision: 100 });
    });

    it('of 100 updates guarded by one etag one wins, and the others are told the new etag', async () => {
      const hub = await newHub();
      const { id, changeNo } = await hub.done(save({ content: '' }));
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, n) => hub.write(update(id, Field.CONTENT, { content: `${n}` }, changeNo))),
      );
      const winners = outcomes.flatMap((outcome) => (outcome.kind === 'done' ? outcome.records : []));
      expect(winners).toHaveLength(1);
      const refusal = { kind: 'etag_mismatch', currentChangeNo: winners[0]?.changeNo };
      expect(outcomes.filter((outcome) => outcome.kind === 'refused').map((outcome) => outcome.refusal)).toEqual(
        Array.from({ length: 99 }, () => refusal),
      );
      expect(await hub.get(id)).toEqual(winners[0]?.memory);
    });

    it('batches that cross each other in memories and request ids all go through', async () => {
      const hub = await newHub();
      const ids = Array.from({ length: 10 }, () => randomUUID());
      const requestIds = Array.from({ length: 5 }, () => randomUUID());
      const outcomes = await Promise.all(
        Array.from({ length: 60 }, (_, n) => {
          const order = n % 2 === 0 ? ids : [...ids].reverse();
          const request = identified(`${n % 5}`, requestIds[n % 5] ?? '');
          if (n % 3 === 0) return hub.write(save({ id: ids[n % 10] ?? '' }));
          return hub.write(
            order.map((id) => save({ id, content: `${n % 5}` })),
            request,
          );
        }),
      );
      expect(outcomes.every((outcome) => outcome.kind === 'done')).toBe(true);
      expect(outcomes.filter((outcome) => outcome.kind === 'done' && outcome.replayed)).toHaveLength(35);
    });
  });
}
