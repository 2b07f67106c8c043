import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { Consistency, MemoryRecord, Scope } from '../../src/server/domain/memory.ts';
import { redisSuite, testRedis } from '../support/redis.ts';
import { openTestRedis, TestProcess, type TestRedisAccess } from './support/process.ts';
import { callOf, memoryOf, requestOf, save, textCodec } from './support/sample.ts';
import { ScriptedDatabase } from './support/scripted-database.ts';

const id = (n: number) => `0190aaaa-0000-7000-8000-${String(n).padStart(12, '0')}`;
const IDS = Array.from({ length: 64 }, (_, n) => id(n));

redisSuite('the traffic of the shared cache', () => {
  const url = testRedis();
  let redis: TestRedisAccess;
  let database: ScriptedDatabase;
  let process: TestProcess;

  beforeAll(async () => {
    redis = await openTestRedis(url());
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    await redis.client.flushdb();
    database = new ScriptedDatabase();
    for (const each of IDS) database.put(1, memoryOf(each, `content of ${each}`));
    process = new TestProcess(database, { link: redis.connection, keyPrefix: redis.keyPrefix });
  });

  const sent = () => process.link?.commands.splice(0) ?? [];
  const stored = (n: number) => redis.client.getBuffer(redis.key(id(n)));
  const turn = () => new Promise(setImmediate);

  it('64 gets of one tick are one MGET, and hits ask nothing else', async () => {
    await Promise.all(IDS.map((each) => process.warm(each)));
    sent();
    const gets = process.inner.gets.length;
    const contents = await Promise.all(IDS.map((each) => process.read(each)));
    expect(contents).toEqual(IDS.map((each) => `content of ${each}`));
    expect(sent()).toEqual([{ name: 'mget', keys: 64 }]);
    expect(process.inner.gets).toHaveLength(gets);
  });

  it('64 misses of one tick are one MGET, one step for the leases and one for the fills', async () => {
    const fill = process.schedule.hold('fill:after');
    await Promise.all(IDS.map((each) => process.read(each)));
    await fill.reached;
    fill.open();
    expect(sent()).toEqual([
      { name: 'mget', keys: 64 },
      { name: 'lease', keys: 64 },
      { name: 'fill', keys: 64 },
    ]);
    expect(process.inner.gets.every(({ consistency }) => consistency === Consistency.STRONG)).toBe(true);
  });

  it('many gets of one memory ask for one key and fill once', async () => {
    const fill = process.schedule.hold('fill:after');
    await Promise.all(Array.from({ length: 20 }, () => process.read(id(1))));
    await fill.reached;
    fill.open();
    expect(sent()).toEqual([
      { name: 'mget', keys: 1 },
      { name: 'lease', keys: 20 },
      { name: 'fill', keys: 1 },
    ]);
  });

  it('a batch of 1000 goes in commands of at most 256 keys and answers in the order asked', async () => {
    const many = Array.from({ length: 1000 }, (_, n) => id(n % 500));
    const records = await process.repository.get(callOf(), many, Consistency.READ_YOUR_WRITES);
    expect(records.map((record) => record?.memory.id)).toEqual(
      many.map((each) => (IDS.includes(each) ? each : undefined)),
    );
    const reads = sent().filter(({ name }) => name === 'mget');
    expect(reads.map(({ keys }) => keys)).toEqual([256, 244]);
  });

  it('a batch with hits and misses asks the database for the misses alone', async () => {
    await process.warm(id(1));
    await process.repository.get(callOf(), [id(0), id(1), id(2)], Consistency.READ_YOUR_WRITES);
    expect(process.inner.gets.at(-1)?.ids).toEqual([id(0), id(2)]);
  });

  it('the marks of a tick are one step, and so are those that settle together', async () => {
    await Promise.all(IDS.map((each) => process.write(each, 'new')));
    expect(sent()).toEqual([
      { name: 'mark', keys: 64 },
      { name: 'settle', keys: 64 },
    ]);
  });

  it('an id the server made costs no command', async () => {
    await process.repository.write(callOf(), requestOf(1, [save(id(99), 'made here', { fresh: true })]));
    expect(sent()).toEqual([]);
    expect(process.inner.writes[0]?.bumpCacheEpoch).toBe(false);
  });

  it('validate_only costs no command', async () => {
    await process.repository.write(callOf(), { ...requestOf(1, [save(id(1), 'tried')]), validateOnly: true });
    expect(sent()).toEqual([]);
    expect(await process.read(id(1))).toBe(`content of ${id(1)}`);
  });

  it('a batch leaves no values behind, and none of the old ones', async () => {
    await process.warm(id(1));
    await process.repository.write(callOf(), requestOf(1, [save(id(1), 'one'), save(id(2), 'two')]));
    expect(await redis.client.exists(redis.key(id(1)), redis.key(id(2)))).toBe(0);
    expect(await process.read(id(1))).toBe('one');
  });

  it('values over 64 KiB are not kept: neither filled nor written', async () => {
    await process.write(id(1), 'x'.repeat(66_000));
    expect(await stored(1)).toBeNull();
    expect((await process.read(id(1)))?.length).toBe(66_000);
    await turn();
    expect((await stored(1))?.toString('latin1', 0, 1)).toBe('F');
    expect((await process.read(id(1)))?.length).toBe(66_000);
  });

  it('absent memories are not kept', async () => {
    expect(await process.read(id(500))).toBeUndefined();
    await turn();
    expect((await stored(500))?.toString('latin1', 0, 1)).toBe('F');
    database.put(1, memoryOf(id(500), 'there now'));
    expect(await process.read(id(500))).toBe('there now');
  });

  it('deleted memories are kept with their flag, for a minute', async () => {
    database.put(1, memoryOf(id(1), 'deleted', { scope: Scope.TEAM, team: 'α', deleteTime: 123, expireTime: 456 }));
    await process.warm(id(1));
    const [record] = await process.repository.get(callOf(), [id(1)], Consistency.READ_YOUR_WRITES);
    expect(record).toMatchObject({ scope: Scope.TEAM, team: 'α', userId: '', deleteTime: 123, expireTime: 456 });
    const ttl = await redis.client.pttl(redis.key(id(1)));
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(60_000);
  });

  it('a key that holds something else is overwritten, and nobody notices', async () => {
    await redis.client.lpush(redis.key(id(1)), 'not ours');
    await redis.client.set(redis.key(id(2)), 'V but too short'.slice(0, 4));
    await redis.client.lpush(redis.key(id(3)), 'not ours');
    expect(await process.read(id(1))).toBe(`content of ${id(1)}`);
    expect(await process.read(id(2))).toBe(`content of ${id(2)}`);
    await process.write(id(2), 'new');
    await process.write(id(3), 'new');
    await process.warm(id(1));
    expect(await process.read(id(2))).toBe('new');
    expect(await process.read(id(3))).toBe('new');
  });

  it('a value of another format is read from the database and replaced', async () => {
    await process.warm(id(1));
    const value = await stored(1);
    if (value === null) throw new Error('nothing there');
    value[9] = 200;
    await redis.client.set(redis.key(id(1)), value);
    expect(await process.read(id(1))).toBe(`content of ${id(1)}`);
    await process.warm(id(1));
    expect((await stored(1))?.[9]).toBe(1);
  });

  it('a write that was done for a missing memory leaves nothing', async () => {
    process.inner.nextOutcome = { kind: 'done', replayed: false, records: [undefined], head: 1 };
    await process.write(id(1), 'ignored');
    expect(await stored(1)).toBeNull();
  });

  it('EVENTUAL answers from this process for a second, then asks again', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    process.polls.poll();
    const eventual = () => process.read(id(1), 1, Consistency.EVENTUAL);
    expect(await eventual()).toBe(`content of ${id(1)}`);
    expect(process.inner.gets.at(-1)?.consistency).toBe(Consistency.EVENTUAL);
    sent();
    database.put(1, memoryOf(id(1), 'elsewhere'));
    expect(await eventual()).toBe(`content of ${id(1)}`);
    expect(sent()).toEqual([]);
    expect(process.repository.stats()).toMatchObject({ localHits: 1, localEntries: 1 });
    vi.advanceTimersByTime(999);
    expect(await eventual()).toBe(`content of ${id(1)}`);
    vi.advanceTimersByTime(1);
    expect(await eventual()).toBe('elsewhere');
  });

  it('EVENTUAL shows this process its own writes at once', async () => {
    await process.read(id(1), 1, Consistency.EVENTUAL);
    await process.write(id(1), 'new');
    expect(await process.read(id(1), 1, Consistency.EVENTUAL)).toBe('new');
  });

  it('what a replica answered to EVENTUAL is not put where others read it', async () => {
    await process.read(id(1), 1, Consistency.EVENTUAL);
    expect(sent()).toEqual([{ name: 'mget', keys: 1 }]);
    await turn();
    expect(await stored(1)).toBeNull();
  });

  it('a hit carries the message as it was encoded', async () => {
    await process.warm(id(1));
    const [record] = await process.repository.get(callOf(), [id(1)], Consistency.READ_YOUR_WRITES);
    const memory = database.rows.get(`1/${id(1)}`);
    if (memory === undefined) throw new Error('no row');
    const own = new MemoryRecord(memory, textCodec, memory, undefined);
    expect(Buffer.from(record?.message ?? [])).toEqual(Buffer.from(own.message));
  });
});
