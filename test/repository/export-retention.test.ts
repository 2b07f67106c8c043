import { beforeAll, describe, expect, it } from 'vitest';
import type { ExportQuery } from '../../src/server/domain/repository.ts';
import { WrittenRows } from '../../src/server/domain/written-rows.ts';
import { createRetention, DEFAULT_RETENTION } from '../../src/server/repository/retention.ts';
import type { RetentionSettings } from '../../src/server/repository/retention-run.ts';
import { fields, type Hub, memoriesOf, remove, save, WRITE } from '../contract/fixtures.ts';
import { testRepository } from './support/repository.ts';

const subject = testRepository();
let hub: Hub;
let state: { readonly revision: number; readonly time: number };

const retain = (settings: Partial<RetentionSettings>) =>
  createRetention(subject().database, { ...DEFAULT_RETENTION, ...settings }).runOnce();
const begin = () => hub.repository.beginExport(hub.call, hub.workspaceId);

async function exported(given: Partial<ExportQuery> = {}): Promise<string[]> {
  const { revision, time } = state;
  const query = {
    workspaceId: hub.workspaceId,
    access: { userId: '', teams: [] },
    filter: undefined,
    showDeleted: false,
    afterId: undefined,
    pageSize: 100,
    pageBytes: 1_000_000,
    revision,
    time,
    ...given,
  };
  const { rows } = await hub.repository.exportPage(hub.call, query, new WrittenRows(WRITE));
  return memoriesOf(rows)
    .map(({ content }) => content)
    .sort();
}

const refused = { reason: 'INVALID_TOKEN', message: expect.stringContaining('start a new export') };

describe('an export that began before retention removed', () => {
  beforeAll(async () => {
    hub = await subject().newHub();
  });

  it('history it needs is refused, and a new one is not', async () => {
    const { id } = await hub.done(save({ content: 'one' }));
    await hub.done(save({ content: 'other' }));
    state = await begin();
    await hub.done(save({ id, content: 'two' }));
    expect(await exported()).toEqual(['one', 'other']);
    await retain({ revisionsDays: 0 });
    await expect(exported()).rejects.toMatchObject(refused);
    // The state at the newest change that replaced something, and any later one, is whole.
    expect(await exported({ revision: 3 })).toEqual(['other', 'two']);
    state = await begin();
    expect(await exported()).toEqual(['other', 'two']);
  });

  it('history of others only is not refused', async () => {
    state = await begin();
    const elsewhere = await subject().newHub();
    const { id } = await elsewhere.done(save());
    await elsewhere.done(save({ id }));
    await hub.done(save({ content: 'late' }));
    await retain({ revisionsDays: 0 });
    expect(await exported()).toEqual(['other', 'two']);
  });

  it('a memory that lived then is refused, also when nothing is left', async () => {
    hub = await subject().newHub();
    const { id } = await hub.done(save({ content: 'gone' }));
    state = await begin();
    await hub.done(remove(id));
    expect(await exported()).toEqual(['gone']);
    await retain({ deletedDays: 0 });
    expect(await hub.get(id)).toBeUndefined();
    await expect(exported()).rejects.toMatchObject(refused);
    state = await begin();
    expect(await exported()).toEqual([]);
  });

  it('a deleted memory is refused if it was to show them, and only then', async () => {
    hub = await subject().newHub();
    const { id } = await hub.done(save({ content: 'gone' }));
    await hub.done(save({ content: 'here' }));
    await hub.done(remove(id));
    state = await begin();
    expect(await exported({ showDeleted: true })).toEqual(['gone', 'here']);
    await retain({ deletedDays: 0 });
    await expect(exported({ showDeleted: true })).rejects.toMatchObject(refused);
    expect(await exported()).toEqual(['here']);
    state = await begin();
    expect(await exported({ showDeleted: true })).toEqual(['here']);
  });

  it('a memory that had not expired then is refused', async () => {
    hub = await subject().newHub();
    const { time } = await begin();
    await hub.done(save({ content: 'short', fields: fields({ content: 'short', expireTime: time + 1 }) }));
    await hub.done(save({ content: 'long' }));
    state = { revision: 2, time };
    expect(await exported()).toEqual(['long', 'short']);
    await retain({ deletedDays: 0 });
    await expect(exported()).rejects.toMatchObject(refused);
    expect(await exported({ time: time + 1 })).toEqual(['long']);
  });
});
