import { beforeEach, describe, expect, it } from 'vitest';
import { Stage } from '../../src/server/domain/call-context.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { newId } from '../../src/server/domain/ids.ts';
import { Consistency } from '../../src/server/domain/memory.ts';
import { TestProcess } from './support/process.ts';
import { callOf, memoryOf, requestOf, save } from './support/sample.ts';
import { ScriptedDatabase } from './support/scripted-database.ts';

const ID = '0190aaaa-0000-7000-8000-000000000001';
const OTHER = '0190aaaa-0000-7000-8000-000000000002';

describe('one process that owns its database', () => {
  let database: ScriptedDatabase;
  let process: TestProcess;

  beforeEach(() => {
    database = new ScriptedDatabase();
    database.put(1, memoryOf(ID, 'old'));
    process = new TestProcess(database, 'sole');
  });

  it.each([Consistency.READ_YOUR_WRITES, Consistency.EVENTUAL])(
    'answers from itself what it read once (consistency %i)',
    async (consistency) => {
      expect(await process.read(ID, 1, consistency)).toBe('old');
      expect(await process.read(ID, 1, consistency)).toBe('old');
      expect(process.inner.gets).toHaveLength(1);
      expect(process.repository.stats()).toMatchObject({ localHits: 1, misses: 1, localEntries: 1 });
    },
  );

  it('tells the call that it looked', async () => {
    await process.warm(ID);
    const stages: number[] = [];
    const call = { ...callOf(), observe: (stage: number) => void stages.push(stage) };
    await process.repository.get(call, [ID], Consistency.READ_YOUR_WRITES);
    expect(stages).toEqual([Stage.CACHE]);
  });

  it('has no promise of what is at hand', async () => {
    await process.warm(ID);
    expect(process.repository.get(callOf(), [ID], Consistency.READ_YOUR_WRITES)).toBeInstanceOf(Array);
  });

  it('asks the database for STRONG', async () => {
    await process.warm(ID);
    const gets = process.inner.gets.length;
    await process.read(ID, 1, Consistency.STRONG);
    expect(process.inner.gets).toHaveLength(gets + 1);
  });

  it('answers with its own writes without the database', async () => {
    await process.write(ID, 'new');
    expect(await process.read(ID)).toBe('new');
    expect(process.inner.gets).toHaveLength(0);
  });

  it('keeps what it just made, so that the first read hits', async () => {
    await process.repository.write(callOf(), requestOf(1, [save(OTHER, 'made here', { fresh: true })]));
    expect(await process.read(OTHER)).toBe('made here');
    expect(process.inner.gets).toHaveLength(0);
  });

  it('keeps nothing of a batch, and drops what was there', async () => {
    await process.warm(ID);
    const changes = [save(ID, 'new'), save(OTHER, 'made here', { fresh: true })];
    await process.repository.write(callOf(), requestOf(1, changes));
    expect(process.repository.stats().localEntries).toBe(0);
    expect(await process.read(ID)).toBe('new');
  });

  it('refuses a fill that a write overtook', async () => {
    const rowRead = process.schedule.hold('read:after');
    const reading = process.read(ID);
    await rowRead.reached;
    await process.write(ID, 'new');
    rowRead.open();
    expect(await reading).toBe('old');
    expect(await process.read(ID)).toBe('new');
    expect(process.repository.stats().refusedFills).toBe(1);
  });

  it('refuses a fill while a write is under way', async () => {
    const rowRead = process.schedule.hold('read:after');
    const reading = process.read(ID);
    await rowRead.reached;
    const commit = process.schedule.hold('commit:before');
    const writing = process.write(ID, 'new');
    await commit.reached;
    rowRead.open();
    await reading;
    expect(await process.read(ID)).toBe('old');
    commit.open();
    await writing;
    expect(await process.read(ID)).toBe('new');
  });

  it('keeps no value of two writes at once, whichever is answered last', async () => {
    const firstCommits = process.schedule.hold('commit:after');
    const first = process.write(ID, 'first');
    await firstCommits.reached;
    await process.write(ID, 'second');
    firstCommits.open();
    await first;
    expect(await process.read(ID)).toBe('second');
  });

  it('keeps the old value out while a commit is unknown', async () => {
    await process.warm(ID);
    process.schedule.fail('commit:after', new ServiceError('COMMIT_UNKNOWN', 'who knows'));
    await expect(process.write(ID, 'new')).rejects.toThrow('who knows');
    expect(await process.read(ID)).toBe('new');
  });

  it('fills again after a refused write', async () => {
    process.inner.nextOutcome = { kind: 'refused', index: 0, refusal: { kind: 'exists' } };
    await process.write(ID, 'new');
    await process.warm(ID);
    expect(await process.read(ID)).toBe('old');
  });

  it('drops its values when the epoch moves, as InvalidateCaches has it', async () => {
    await process.warm(ID);
    database.put(1, memoryOf(ID, 'changed behind the back'));
    expect(await process.read(ID)).toBe('old');
    database.bump(1);
    process.polls.poll();
    expect(await process.read(ID)).toBe('changed behind the back');
    await process.warm(ID);
  });

  it('serves on when its polls stop: nobody else writes', async () => {
    await process.warm(ID);
    process.polls.stop(60_000);
    const gets = process.inner.gets.length;
    expect(await process.read(ID)).toBe('old');
    expect(process.inner.gets).toHaveLength(gets);
  });

  it('never bumps an epoch', async () => {
    await process.write(ID, 'new');
    expect(process.inner.writes[0]?.bumpCacheEpoch).toBe(false);
    expect(process.bumps).toEqual([]);
  });

  it('keeps workspaces apart', async () => {
    database.put(2, memoryOf(ID, 'other'));
    await process.warm(ID, 1);
    expect(await process.read(ID, 2)).toBe('other');
    await process.write(ID, 'new', 2);
    expect(await process.read(ID, 1)).toBe('old');
  });

  it('stays within its bytes', async () => {
    for (let n = 0; n < 64; n++) {
      const id = `0190aaaa-0000-7000-8000-1${String(n).padStart(11, '0')}`;
      database.put(1, memoryOf(id, 'x'.repeat(60_000)));
      await process.warm(id);
    }
    const { localBytes, localMaxBytes, localEntries } = process.repository.stats();
    expect(localBytes).toBeLessThanOrEqual(localMaxBytes);
    expect(localBytes).toBeGreaterThan(localMaxBytes / 2);
    expect(localEntries).toBeLessThan(64);
  });

  it('reads what a full cache does not take as if there were none', async () => {
    for (let n = 0; n < 20; n++) {
      const id = newId();
      database.put(1, memoryOf(id, 'x'.repeat(60_000)));
      await process.warm(id);
    }
    const { localEntries, localHits } = process.repository.stats();
    const gets = process.inner.gets.length;
    expect(await process.read(ID)).toBe('old');
    expect(process.inner.gets.slice(gets)).toEqual([{ ids: [ID], consistency: Consistency.READ_YOUR_WRITES }]);
    expect(process.repository.stats()).toMatchObject({ localEntries, localHits, refusedFills: 0 });
    await process.warm(ID);
  });

  it('asks the database for what is not at hand only, and fills once what is asked for twice', async () => {
    await process.warm(ID);
    database.put(1, memoryOf(OTHER, 'other'));
    const gets = process.inner.gets.length;
    const records = await process.repository.get(callOf(), [ID, OTHER, OTHER], Consistency.READ_YOUR_WRITES);
    expect(records.map((record) => record?.memory.content)).toEqual(['old', 'other', 'other']);
    expect(process.inner.gets.slice(gets).map(({ ids }) => ids)).toEqual([[OTHER, OTHER]]);
    await process.warm(OTHER);
    expect(process.repository.stats().refusedFills).toBe(0);
  });

  it('asks again for nothing that it has, while another one is written', async () => {
    await process.warm(ID);
    const held = process.schedule.hold('commit:before');
    const writing = process.write(OTHER, 'new');
    await held.reached;
    const gets = process.inner.gets.length;
    await process.repository.get(callOf(), [ID, OTHER], Consistency.READ_YOUR_WRITES);
    expect(process.inner.gets.slice(gets).map(({ ids }) => ids)).toEqual([[OTHER]]);
    held.open();
    await writing;
  });

  it('gives every hit a record of its own, so that a decoded one is not kept', async () => {
    await process.warm(ID);
    const get = () => process.repository.get(callOf(), [ID], Consistency.READ_YOUR_WRITES);
    const [[one], [two]] = await Promise.all([get(), get()]);
    expect(one).not.toBe(two);
    expect(one?.message).toBe(two?.message);
  });
});

describe('several processes without Redis', () => {
  let database: ScriptedDatabase;
  let process: TestProcess;

  beforeEach(() => {
    database = new ScriptedDatabase();
    database.put(1, memoryOf(ID, 'old'));
    process = new TestProcess(database, undefined);
  });

  it('read their writes from the database, every time', async () => {
    expect(await process.read(ID)).toBe('old');
    database.put(1, memoryOf(ID, 'written elsewhere'));
    expect(await process.read(ID)).toBe('written elsewhere');
    expect(process.inner.gets.map(({ consistency }) => consistency)).toEqual([1, 1]);
    expect(process.repository.stats()).toMatchObject({ misses: 2, localHits: 0 });
  });

  it('bump no epoch: there is nothing to make worthless', async () => {
    await process.write(ID, 'new');
    expect(process.inner.writes[0]?.bumpCacheEpoch).toBe(false);
  });

  it('serve EVENTUAL from themselves for a second, their own writes excepted', async () => {
    const eventual = () => process.read(ID, 1, Consistency.EVENTUAL);
    expect(await eventual()).toBe('old');
    database.put(1, memoryOf(ID, 'written elsewhere'));
    expect(await eventual()).toBe('old');
    expect(process.inner.gets).toHaveLength(1);
    await process.write(ID, 'written here');
    expect(await eventual()).toBe('written here');
  });
});
