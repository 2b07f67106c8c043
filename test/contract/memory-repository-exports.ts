import { describe, expect, it } from 'vitest';
import { type Memory, Scope } from '../../src/server/domain/memory.ts';
import { type ExportQuery, type ExportSnapshot, Field } from '../../src/server/domain/repository.ts';
import { WrittenRows } from '../../src/server/domain/written-rows.ts';
import { fields, type Hub, memoriesOf, ofTeam, personal, remove, restore, save, update, WRITE } from './fixtures.ts';

const LONG_AGO = 1_000_000_000_000_000;

async function begin(hub: Hub): Promise<ExportSnapshot> {
  const { revision, time } = await hub.repository.beginExport(hub.call, hub.workspaceId);
  return { revision, time };
}

/** Pages of an export; `between` runs after each. */
async function exportPages(
  hub: Hub,
  snapshot: ExportSnapshot,
  given: Partial<ExportQuery> = {},
  between: () => Promise<unknown> = async () => {},
): Promise<{ memories: Memory[]; nextId: string | undefined }[]> {
  const pages = [];
  let afterId = given.afterId;
  do {
    const query: ExportQuery = {
      workspaceId: hub.workspaceId,
      access: { userId: '', teams: [] },
      filter: undefined,
      showDeleted: false,
      pageSize: 7,
      pageBytes: 1_000_000,
      ...snapshot,
      ...given,
      afterId,
    };
    const page = await hub.repository.exportPage(hub.call, query, new WrittenRows(WRITE));
    pages.push({ memories: memoriesOf(page.rows), nextId: page.nextId });
    afterId = page.nextId;
    await between();
  } while (afterId !== undefined);
  return pages;
}

async function exported(...args: Parameters<typeof exportPages>): Promise<Memory[]> {
  return (await exportPages(...args)).flatMap((page) => page.memories);
}

export function exportContract(newHub: () => Promise<Hub>): void {
  it('begins at the head of the workspace, with about the number of its rows', async () => {
    const hub = await newHub();
    await hub.write(Array.from({ length: 5 }, () => save({ fresh: true })));
    const start = await hub.repository.beginExport(hub.call, hub.workspaceId);
    expect(start.revision).toBe(5);
    expect(start.rowEstimate).toBeGreaterThanOrEqual(0);
    expect(start.rowEstimate).toBeLessThanOrEqual(5);
    expect(start.time).toBeGreaterThan(LONG_AGO);
  });

  it('is the state at its revision, whatever is written meanwhile', async () => {
    const hub = await newHub();
    const changes = Array.from({ length: 40 }, (_, index) =>
      save({ fields: fields({ content: `memory ${index}`, category: `c${index % 2}` }) }),
    );
    await hub.write(changes);
    const ids = changes.map((change) => change.id);
    const at = (index: number) => ids[index % ids.length] ?? '';
    for (let index = 0; index < 8; index++) await hub.done(remove(at(index)));
    await hub.done(restore(at(0)));
    const snapshot = await begin(hub);
    const state = await exported(hub, snapshot);
    const withDeleted = await exported(hub, snapshot, { showDeleted: true });
    const half = await exported(hub, snapshot, {
      filter: { op: 'text', field: 'category', comparator: '=', value: 'c1' },
    });
    expect(state).toHaveLength(33);
    expect(withDeleted).toHaveLength(40);
    expect(half.length).toBeGreaterThan(0);

    let turn = 0;
    const disturb = async () => {
      turn++;
      await hub.done(save());
      await hub.done(save({ id: at(turn * 3), fields: fields({ content: 'changed', category: 'c9' }) }));
      await hub.done(save({ id: at(turn * 3), content: 'changed again' }));
      await hub.write(remove(at(turn * 5 + 9), true));
      await hub.write(restore(at(turn)));
      await hub.write(update(at(turn * 7), Field.EXPIRY, { expireTime: LONG_AGO }));
    };
    expect(await exported(hub, snapshot, {}, disturb)).toEqual(state);
    expect(await exported(hub, snapshot, { showDeleted: true }, disturb)).toEqual(withDeleted);
    expect(
      await exported(
        hub,
        snapshot,
        { filter: { op: 'text', field: 'category', comparator: '=', value: 'c1' } },
        disturb,
      ),
    ).toEqual(half);

    const pages = await exportPages(hub, snapshot, { pageSize: 4 }, disturb);
    for (const [index, { nextId }] of pages.entries()) {
      if (nextId === undefined) continue;
      const rest = pages.slice(index + 1).flatMap((page) => page.memories);
      expect(await exported(hub, snapshot, { afterId: nextId, pageSize: 9 })).toEqual(rest);
    }
  });

  it('judges expiry by the time it began', async () => {
    const hub = await newHub();
    const { time } = await begin(hub);
    const soon = await hub.done(save({ fields: fields({ expireTime: time + 1_000 }) }));
    await hub.done(save({ fields: fields({ expireTime: time }) }));
    expect((await exported(hub, { revision: 2, time })).map(({ id }) => id)).toEqual([soon.id]);
    expect(await exported(hub, { revision: 2, time: time + 1_000 })).toEqual([]);
  });

  it('gives a bound credential what it reaches', async () => {
    const hub = await newHub();
    for (const owner of [personal('ann'), personal('bob'), ofTeam('red'), ofTeam('blue')])
      await hub.done(save({ owner }));
    await hub.done(save());
    const rows = await exported(hub, await begin(hub), { access: { userId: 'ann', teams: ['red'] }, pageSize: 2 });
    expect(rows.map((memory) => memory.userId || memory.team).sort()).toEqual(['', 'ann', 'red']);
    expect(rows.find((memory) => memory.userId === 'ann')?.scope).toBe(Scope.PERSONAL);
  });

  describe('pages', () => {
    it('end at their bytes, and go on behind the last row given out', async () => {
      const hub = await newHub();
      const changes = Array.from({ length: 20 }, (_, n) => save({ content: 'x'.repeat(n % 2 === 0 ? 10_000 : 10) }));
      await hub.write(changes);
      const snapshot = await begin(hub);
      const whole = await exported(hub, snapshot, { pageSize: 100 });
      // The state at the snapshot is what counts, not what the rows have become.
      for (const { id } of changes.slice(0, 8)) await hub.done(save({ id, content: 'y'.repeat(50_000) }));
      for (const pageSize of [5, 100]) {
        const pages = await exportPages(hub, snapshot, { pageSize, pageBytes: 25_000 });
        expect(pages.flatMap((page) => page.memories)).toEqual(whole);
        const sizes = pages.map((page) => page.memories.reduce((sum, { content }) => sum + content.length, 0));
        expect(Math.max(...sizes)).toBeLessThanOrEqual(30_100);
        if (pageSize === 100) expect(pages.length).toBeLessThanOrEqual(6);
      }
      const alone = await exportPages(hub, snapshot, { pageSize: 100, pageBytes: 1 });
      expect(alone.map((page) => page.memories.length)).toEqual(Array(20).fill(1));
      const large = { op: 'text', field: 'content', comparator: '=', value: 'x'.repeat(10_000) } as const;
      const filtered = await exportPages(hub, snapshot, { pageSize: 6, pageBytes: 15_000, filter: large });
      expect(filtered.flatMap((page) => page.memories)).toEqual(whole.filter(({ content }) => content.length > 10));
    });

    it('have as many rows as were asked for, and say whether there are more', async () => {
      const hub = await newHub();
      await hub.write(Array.from({ length: 20 }, () => save({ fresh: true })));
      const pages = await exportPages(hub, await begin(hub), { pageSize: 10 });
      expect(pages.map((page) => [page.memories.length, page.nextId !== undefined])).toEqual([
        [10, true],
        [10, false],
      ]);
    });
  });
}
