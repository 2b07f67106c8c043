import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { Consistency } from '../../src/server/domain/memory.ts';
import type { ListPosition } from '../../src/server/domain/repository.ts';
import { WrittenRows } from '../../src/server/domain/written-rows.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import { callIn, fields, Hub, memoriesOf, save, WRITE } from '../contract/fixtures.ts';
import { testRepository } from './support/repository.ts';

const subject = testRepository({ scanBudget: 10 });

/** How many statements of a kind `work` needs. */
async function statementsOf(kind: string, work: () => Promise<unknown>): Promise<number> {
  const { statements } = subject();
  const before = statements.length;
  await work();
  return statements.slice(before).filter((sent) => sent === kind).length;
}

describe('reads asked for at once', () => {
  let hubs: Hub[];
  let ids: string[];
  beforeEach(async () => {
    hubs = [await subject().newHub(), await subject().newHub()];
    ids = await Promise.all(
      Array.from({ length: 32 }, async (_, n) => (await hubOf(n).done(save({ content: `${n}` }))).id),
    );
  });
  const hubOf = (n: number) => hubs[n % 2] as Hub;
  const read = (n: number, consistency: Consistency = Consistency.READ_YOUR_WRITES) =>
    hubOf(n).repository.get(hubOf(n).call, [ids[n % 32] ?? ''], consistency);

  it('are one statement: 64 gets of two workspaces and all consistencies', async () => {
    const consistencies = Object.values(Consistency);
    const sent = await statementsOf('get_by_ids', async () => {
      const found = await Promise.all(Array.from({ length: 64 }, (_, n) => read(n, consistencies[n % 3])));
      expect(found.map(([record]) => record?.memory.content)).toEqual(found.map((_, n) => `${n % 32}`));
    });
    expect(sent).toBe(1);
  });

  it('never find an id of another workspace that travels in the same statement', async () => {
    const [one, other] = hubs as [Hub, Hub];
    const [own, foreign, both] = await Promise.all([
      one.get(ids[0] ?? ''),
      one.get(ids[1] ?? ''),
      other.repository.get(other.call, [ids[0] ?? '', ids[1] ?? ''], Consistency.STRONG),
    ]);
    expect(own?.content).toBe('0');
    expect(foreign).toBeUndefined();
    expect(both.map((record) => record?.memory.content)).toEqual([undefined, '1']);
  });

  it('give each record bytes of its own, the same that its memory makes', async () => {
    const metadata = { ticket: 'OPS-1', nested: [1, null, { 한글: true }] };
    const given = { content: '한글, and a "quote"', category: 'c', tags: ['a', 'b'], metadata };
    const [hub] = hubs as [Hub];
    const { id } = await hub.done(save({ fields: fields(given) }));
    const found = await Promise.all([hub.repository.get(hub.call, [id], Consistency.STRONG), read(0), read(2)]);
    for (const [record] of found) {
      expect(record?.message.buffer.byteLength).toBe(record?.message.byteLength);
      expect(Buffer.from(record?.message ?? [])).toEqual(
        Buffer.from(protoCodec.encode(record?.memory as NonNullable<typeof record>['memory'])),
      );
    }
    expect(found[0]?.[0]?.memory).toMatchObject(given);
  });

  it('are at most 256 ids a statement', async () => {
    const many = Array.from({ length: 600 }, () => randomUUID());
    const [hub] = hubs as [Hub];
    const sent = await statementsOf('get_by_ids', async () => {
      await hub.repository.get(hub.call, [...many, ids[0] ?? '', ids[0] ?? ''], Consistency.STRONG);
    });
    expect(sent).toBe(3);
  });

  it('see what was acknowledged before they were asked for, though an older read is on its way', async () => {
    const [hub] = hubs as [Hub];
    const id = ids[0] ?? '';
    for (let n = 0; n < 50; n++) {
      const older = hub.get(id);
      const saved = await hub.done(save({ id, content: `${n}` }));
      const later = Promise.all([hub.get(id), hub.get(id)]);
      expect(await later).toEqual([saved, saved]);
      await older;
    }
  });

  it('gather while a statement is on its way, and pass one that takes long', async () => {
    const { pool } = subject().database;
    const [hub] = hubs as [Hub];
    const get = (n: number) => hub.repository.get(hub.call, [ids[n] ?? ''], Consistency.STRONG);
    const blocked = async () => {
      const { rows } = await pool.query<{ n: number }>({
        text: `SELECT count(*)::int AS n FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%memories%'`,
      });
      return rows[0]?.n;
    };
    await pool.withClient(async (client) => {
      await client.query('BEGIN; LOCK TABLE memories IN ACCESS EXCLUSIVE MODE');
      const slow = get(0);
      await expect.poll(blocked).toBe(1);
      const later = [get(2), get(4), get(6)];
      await expect.poll(blocked).toBe(2);
      await client.query('COMMIT');
      const found = await Promise.all([slow, ...later]);
      expect(found.map(([record]) => record?.memory.content)).toEqual(['0', '2', '4', '6']);
    });
    const sent = await statementsOf('get_by_ids', async () => {
      const first = get(0);
      await new Promise(setImmediate);
      await Promise.all([first, get(2), get(4), get(6)]);
    });
    expect(sent).toBe(2);
  });

  it('do not fail together with one that was cancelled, and send nothing for it alone', async () => {
    const [hub] = hubs as [Hub];
    const cancel = new AbortController();
    const call = callIn(hub.workspaceId, { signal: cancel.signal });
    const cancelled = hub.repository.get(call, [ids[0] ?? ''], Consistency.STRONG);
    const other = hub.get(ids[0] ?? '');
    cancel.abort();
    await expect(cancelled).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect((await other)?.content).toBe('0');
    const late = callIn(hub.workspaceId, { deadlineAt: performance.now() - 1 });
    const sent = await statementsOf('get_by_ids', async () => {
      await expect(hub.repository.get(late, [ids[0] ?? ''], Consistency.STRONG)).rejects.toMatchObject({
        reason: 'DEADLINE_EXCEEDED',
      });
      await expect(hub.repository.get(call, [ids[0] ?? ''], Consistency.STRONG)).rejects.toMatchObject({
        reason: 'CANCELLED',
      });
    });
    expect(sent).toBe(0);
  });
});

describe('writes handed in at once', () => {
  it('are few batches: 64 saves of two workspaces at most 3', async () => {
    const hubs = [await subject().newHub(), await subject().newHub()];
    const sent = await statementsOf('write_changes', async () => {
      const saved = await Promise.all(Array.from({ length: 64 }, (_, n) => (hubs[n % 2] as Hub).done(save())));
      expect(saved.map((memory) => memory.changeNo).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 64 }, (_, n) => (n >> 1) + 1),
      );
    });
    expect(sent).toBeLessThanOrEqual(3);
  });

  it('are batches of at most 256 changes and about a megabyte', async () => {
    const hub = await subject().newHub();
    const rows = await statementsOf('write_changes', () =>
      Promise.all(Array.from({ length: 600 }, () => hub.done(save()))),
    );
    expect(rows).toBe(3);
    const content = 'x'.repeat(100_000);
    const bytes = await statementsOf('write_changes', () =>
      Promise.all(Array.from({ length: 20 }, () => hub.done(save({ fields: fields({ content }) })))),
    );
    expect(bytes).toBe(4);
  });

  it('ride together also as batches, each of them whole or not at all, and leave no gap in the numbers', async () => {
    const hubs = [await subject().newHub(), await subject().newHub()];
    const taken = await (hubs[0] as Hub).done(save());
    let outcomes: Awaited<ReturnType<Hub['write']>>[] = [];
    const sent = await statementsOf('write_changes', async () => {
      outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, n) => {
          const changes = Array.from({ length: 20 }, () => save({ fresh: true }));
          // Every fourth has an item that cannot go, behind others that could.
          if (n % 4 === 2) changes.push(save({ id: taken.id, expectedChangeNo: 999 }));
          return (hubs[n % 2] as Hub).write(changes, { requestId: randomUUID(), requestHash: new Uint8Array(32) });
        }),
      );
    });
    // Those three name the same memory, and no statement can decide about one twice.
    expect(sent).toBe(3);
    expect(outcomes.map(({ kind }) => kind)).toEqual(
      Array.from({ length: 12 }, (_, n) => (n % 4 === 2 ? 'refused' : 'done')),
    );
    for (const [of, before] of [
      [0, taken.changeNo],
      [1, 0],
    ] as const) {
      const done = outcomes.filter((_, n) => n % 2 === of).filter((outcome) => outcome.kind === 'done');
      const numbers = done.flatMap(({ records }) => records.map((record) => record?.changeNo));
      expect(numbers).toEqual(numbers.map((_, n) => before + n + 1));
      for (const { records, head } of done) expect(head).toBe(records.at(-1)?.changeNo);
    }
  });

  it('need one statement for a batch request, and one more for its retry', async () => {
    const hub = await subject().newHub();
    const request = { requestId: randomUUID(), requestHash: new Uint8Array(32) };
    const changes = Array.from({ length: 1000 }, () => save({ fresh: true }));
    const { statements } = subject();
    statements.length = 0;
    await hub.write(changes, request);
    expect(statements.filter((kind) => kind !== 'analyze')).toEqual(['write_changes']);
    statements.length = 0;
    await hub.write(changes, request);
    expect(statements.filter((kind) => kind !== 'analyze')).toEqual(['write_changes', 'revisions_by_change']);
  });
});

describe('the scan budget', () => {
  it('ends a page of a filter without an index, with the place to go on from', async () => {
    const hub = await subject().newHub();
    const changes = Array.from({ length: 35 }, (_, n) =>
      save({ fresh: true, content: n === 17 || n === 34 ? 'x' : 'y' }),
    );
    for (const change of changes) await hub.done(change);
    const filter = { op: 'text', field: 'content', comparator: '=', value: 'x' } as const;
    for (const by of ['create_time', 'update_time'] as const) {
      const pages = [];
      let after: ListPosition | undefined;
      do {
        const page = await hub.repository.list(
          hub.call,
          hub.listQuery({ filter, after, order: { by, descending: false } }),
          new WrittenRows(WRITE),
        );
        pages.push(memoriesOf(page.rows).map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      expect(pages).toEqual([[], [changes[17]?.id], [], [changes[34]?.id]]);
    }
    const state = await hub.repository.beginExport(hub.call, hub.workspaceId);
    const found: (readonly string[])[] = [];
    let afterId: string | undefined;
    do {
      const query = { ...hub.listQuery({ filter }), ...state, afterId };
      const page = await hub.repository.exportPage(hub.call, query, new WrittenRows(WRITE));
      found.push(memoriesOf(page.rows).map(({ id }) => id));
      afterId = page.nextId;
    } while (afterId !== undefined);
    expect(found.length).toBe(4);
    expect(found.flat()).toEqual([changes[17]?.id, changes[34]?.id].sort());
  });
});

describe('the planner', () => {
  it('is told when the tables have grown', async () => {
    const repository = subject().another();
    const hub = new Hub(repository, (await subject().newHub()).workspaceId);
    const sent = await statementsOf('analyze', async () => {
      await hub.write(Array.from({ length: 249 }, () => save({ fresh: true })));
      expect(subject().statements.at(-1)).toBe('write_changes');
      await hub.write([save(), save()]);
      await repository.close();
    });
    expect(sent).toBe(1);
  });
});
