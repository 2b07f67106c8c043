import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { Consistency, MemoryRecord } from '../../src/server/domain/memory.ts';
import { redisSuite, testRedis } from '../support/redis.ts';
import { openTestRedis, TestProcess, type TestRedisAccess } from './support/process.ts';
import { callOf, memoryOf, requestOf, save, textCodec } from './support/sample.ts';
import { ScriptedDatabase } from './support/scripted-database.ts';

const ID = '0190aaaa-0000-7000-8000-000000000001';

/** Two processes on one database and one Redis; `a` writes, `b` reads, and their steps are placed by hand. */
redisSuite('two processes on one Redis', () => {
  const url = testRedis();
  let redis: TestRedisAccess;
  let database: ScriptedDatabase;
  let a: TestProcess;
  let b: TestProcess;

  beforeAll(async () => {
    redis = await openTestRedis(url());
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    await redis.client.flushdb();
    database = new ScriptedDatabase();
    database.put(1, memoryOf(ID, 'old'));
    a = new TestProcess(database, { link: redis.connection, keyPrefix: redis.keyPrefix });
    b = new TestProcess(database, { link: redis.connection, keyPrefix: redis.keyPrefix });
  });

  /** Whatever else the key holds: these tests are about what is read, not about names. */
  const key = async () => (await redis.client.keys(`${redis.keyPrefix}:*`))[0] ?? 'none';
  const state = async () => (await redis.client.getBuffer(await key()))?.toString('latin1', 0, 1);

  describe('a fill that races a write', () => {
    it('is refused when the write began and ended after the row was read', async () => {
      const rowRead = b.schedule.hold('read:after');
      const reading = b.read(ID);
      await rowRead.reached;
      await a.write(ID, 'new');
      const fill = b.schedule.hold('fill:after');
      rowRead.open();
      expect(await reading).toBe('old');
      await fill.reached;
      fill.open();
      expect(await b.read(ID)).toBe('new');
      expect(await a.read(ID)).toBe('new');
      expect(b.repository.stats().refusedFills).toBe(1);
    });

    it('is refused when it reaches Redis only after the write', async () => {
      const fill = b.schedule.hold('fill:before');
      expect(await b.read(ID)).toBe('old');
      await fill.reached;
      await a.write(ID, 'new');
      const filled = b.schedule.hold('fill:after');
      fill.open();
      await filled.reached;
      filled.open();
      expect(await b.read(ID)).toBe('new');
    });

    it('is refused when the write is still under way', async () => {
      const rowRead = b.schedule.hold('read:after');
      const reading = b.read(ID);
      await rowRead.reached;
      const commit = a.schedule.hold('commit:before');
      const writing = a.write(ID, 'new');
      await commit.reached;
      const fill = b.schedule.hold('fill:after');
      rowRead.open();
      await reading;
      await fill.reached;
      fill.open();
      commit.open();
      await writing;
      expect(await b.read(ID)).toBe('new');
    });

    it('is not even tried while a write is under way', async () => {
      const commit = a.schedule.hold('commit:before');
      const writing = a.write(ID, 'new');
      await commit.reached;
      expect(await b.read(ID)).toBe('old');
      expect(b.link?.commands.map(({ name }) => name)).toEqual(['mget']);
      expect(b.repository.stats()).toMatchObject({ misses: 1, refusedFills: 1 });
      commit.open();
      await writing;
      expect(await b.read(ID)).toBe('new');
    });

    it('begins its read only after its lease is granted', async () => {
      const lease = b.schedule.hold('lease:before');
      const reading = b.read(ID);
      await lease.reached;
      expect(b.inner.gets).toHaveLength(0);
      await a.write(ID, 'new');
      lease.open();
      expect(await reading).toBe('new');
    });

    it('that lost its lease to a flush cannot fill under the lease of another', async () => {
      const slow = b.schedule.hold('read:after');
      const reading = b.read(ID);
      await slow.reached;
      await redis.client.flushdb();
      await a.write(ID, 'new');
      await redis.client.flushdb();
      const other = a.schedule.hold('read:after');
      const readingToo = a.read(ID);
      await other.reached;
      expect(await state()).toBe('F');
      const fill = b.schedule.hold('fill:after');
      slow.open();
      expect(await reading).toBe('old');
      await fill.reached;
      fill.open();
      expect(await state()).toBe('F');
      other.open();
      expect(await readingToo).toBe('new');
    });
  });

  describe('a write', () => {
    it('is seen by the other process as soon as it is answered, and fills the cache', async () => {
      await b.warm(ID);
      await a.write(ID, 'new');
      const gets = b.inner.gets.length;
      expect(await b.read(ID)).toBe('new');
      expect(b.inner.gets).toHaveLength(gets);
    });

    it('is marked before it is sent to the database', async () => {
      await b.warm(ID);
      const mark = a.schedule.hold('mark:after');
      const writing = a.write(ID, 'new');
      await mark.reached;
      expect(await state()).toBe('P');
      expect(a.inner.writes).toHaveLength(0);
      mark.open();
      await writing;
    });

    it('is not answered before its mark is settled', async () => {
      const settle = a.schedule.hold('settle:before');
      let answered = false;
      const writing = a.write(ID, 'new').then(() => {
        answered = true;
      });
      await settle.reached;
      for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
      expect(answered).toBe(false);
      settle.open();
      await writing;
      expect(await state()).toBe('V');
    });

    it('that is refused takes its mark away and leaves no value', async () => {
      await b.warm(ID);
      a.inner.nextOutcome = { kind: 'refused', index: 0, refusal: { kind: 'exists' } };
      const settled = a.schedule.hold('settle:after');
      await a.write(ID, 'new');
      await settled.reached;
      settled.open();
      expect(await state()).toBeUndefined();
      expect(await b.read(ID)).toBe('old');
    });

    it('that certainly was not committed takes its mark away', async () => {
      a.schedule.fail('commit:before', new ServiceError('DATABASE_UNAVAILABLE', 'down'));
      const settled = a.schedule.hold('settle:after');
      await expect(a.write(ID, 'new')).rejects.toThrow('down');
      await settled.reached;
      settled.open();
      expect(await state()).toBeUndefined();
    });

    it.each(['COMMIT_UNKNOWN', 'DEADLINE_EXCEEDED', 'CANCELLED'] as const)(
      'that ended with %s leaves its mark standing, for ten seconds at most',
      async (reason) => {
        await b.warm(ID);
        a.schedule.fail('commit:after', new ServiceError(reason, 'who knows'));
        await expect(a.write(ID, 'new')).rejects.toThrow('who knows');
        await new Promise(setImmediate);
        expect(await state()).toBe('P');
        const ttl = await redis.client.pttl(await key());
        expect(ttl).toBeGreaterThan(0);
        expect(ttl).toBeLessThanOrEqual(10_000);
        expect(await b.read(ID)).toBe('new');
      },
    );

    it('whose process dies after the commit leaves readers to the database until the mark runs out', async () => {
      await b.warm(ID);
      const settle = a.schedule.hold('settle:before');
      void a.write(ID, 'new');
      await settle.reached; // And is never opened: the process is gone.
      expect(await b.read(ID)).toBe('new');
      expect(await state()).toBe('P');
      await redis.client.del(await key());
      await b.warm(ID);
      expect(await b.read(ID)).toBe('new');
    });

    it('that is replayed is not taken for the newest', async () => {
      database.put(1, memoryOf(ID, 'newest'));
      const then = memoryOf(ID, 'then');
      const record = new MemoryRecord(then, textCodec, then, undefined);
      a.inner.nextOutcome = { kind: 'done', replayed: true, records: [record], head: 9 };
      await a.write(ID, 'then');
      expect(await b.read(ID)).toBe('newest');
    });
  });

  describe('two writers of one memory', () => {
    it('leave no value behind when the first to commit is the last to settle', async () => {
      const firstSettles = a.schedule.hold('settle:before');
      const first = a.write(ID, 'first');
      await firstSettles.reached;
      await b.write(ID, 'second');
      expect(await state()).toBe('X');
      firstSettles.open();
      await first;
      expect(await state()).toBeUndefined();
      expect(await a.read(ID)).toBe('second');
      expect(await b.read(ID)).toBe('second');
    });

    it('keep readers at the database until the last of them has settled, and no longer', async () => {
      const firstSettles = a.schedule.hold('settle:before');
      const first = a.write(ID, 'first');
      await firstSettles.reached;
      const secondSettles = b.schedule.hold('settle:before');
      const second = b.write(ID, 'second');
      await secondSettles.reached;
      firstSettles.open();
      await first;
      await b.read(ID);
      expect(await state()).toBe('X');
      secondSettles.open();
      await second;
      await b.warm(ID);
      expect(await b.read(ID)).toBe('second');
    });

    it('may be forty, of which only some are remembered', async () => {
      const held = Array.from({ length: 40 }, () => a.schedule.hold('commit:after'));
      const writing = held.map((_, n) => a.write(ID, `value ${n}`));
      await Promise.all(held.map(({ reached }) => reached));
      expect(await state()).toBe('X');
      for (const { open } of held) open();
      await Promise.all(writing);
      expect(await b.read(ID)).toBe(database.rows.get(`1/${ID}`)?.content);
      await b.warm(ID);
      expect(await a.read(ID)).toBe(database.rows.get(`1/${ID}`)?.content);
    });

    it('leave no value behind when they commit in the other order', async () => {
      const firstCommits = a.schedule.hold('commit:before');
      const first = a.write(ID, 'first');
      await firstCommits.reached;
      await b.write(ID, 'second');
      expect(await a.read(ID)).toBe('second');
      firstCommits.open();
      await first;
      expect(await a.read(ID)).toBe('first');
      expect(await b.read(ID)).toBe('first');
    });

    it('one after the other leave the value of the last', async () => {
      await a.write(ID, 'first');
      await b.write(ID, 'second');
      expect(await state()).toBe('V');
      expect(await a.read(ID)).toBe('second');
    });
  });

  describe('a flush', () => {
    it('between mark and commit: a fill of the old row is removed before the write is answered', async () => {
      const commit = a.schedule.hold('commit:before');
      const settle = a.schedule.hold('settle:before');
      const writing = a.write(ID, 'new');
      await commit.reached;
      await redis.client.flushdb();
      await b.warm(ID);
      expect(await state()).toBe('V');
      commit.open();
      await Promise.race([settle.reached, writing]);
      settle.open();
      await writing;
      expect(await b.read(ID)).toBe('new');
    });

    it('between mark and commit: a fill under way loses its lease', async () => {
      const commit = a.schedule.hold('commit:before');
      const writing = a.write(ID, 'new');
      await commit.reached;
      await redis.client.flushdb();
      const rowRead = b.schedule.hold('read:after');
      const reading = b.read(ID);
      await rowRead.reached;
      commit.open();
      await writing;
      const fill = b.schedule.hold('fill:after');
      rowRead.open();
      expect(await reading).toBe('old');
      await fill.reached;
      fill.open();
      expect(await b.read(ID)).toBe('new');
    });

    it('between commit and settling does no harm', async () => {
      await b.warm(ID);
      const settle = a.schedule.hold('settle:before');
      const writing = a.write(ID, 'new');
      await settle.reached;
      await redis.client.flushdb();
      await b.warm(ID);
      settle.open();
      await writing;
      expect(await b.read(ID)).toBe('new');
    });

    it('does not let a writer settle over the mark of another', async () => {
      const firstSettles = a.schedule.hold('settle:before');
      const first = a.write(ID, 'first');
      await firstSettles.reached;
      await redis.client.flushdb();
      const secondCommits = b.schedule.hold('commit:after');
      const second = b.write(ID, 'second');
      await secondCommits.reached;
      firstSettles.open();
      await first;
      expect(await state()).toBe('X');
      secondCommits.open();
      await second;
      expect(await a.read(ID)).toBe('second');
    });

    it('between two marks: the write that commits first and settles last leaves no value', async () => {
      const lateCommit = a.schedule.hold('commit:before');
      const late = a.write(ID, 'committed second');
      await lateCommit.reached;
      await redis.client.flushdb();
      const slowSettle = b.schedule.hold('settle:before');
      const slow = b.write(ID, 'committed first'); // Finds no mark, so its own is a P.
      await slowSettle.reached;
      lateCommit.open();
      await late;
      slowSettle.open();
      await slow;
      expect(await a.read(ID)).toBe('committed second');
      expect(await b.read(ID)).toBe('committed second');
    });
  });

  describe('a mark that is not confirmed', () => {
    it('bumps the epoch in the same commit; the value that stood counts no more', async () => {
      await b.warm(ID);
      a.schedule.fail('mark:before');
      await a.write(ID, 'new');
      expect(a.inner.writes[0]?.bumpCacheEpoch).toBe(true);
      expect(await state()).toBe('V');
      b.polls.poll();
      expect(await b.read(ID)).toBe('new');
      await b.warm(ID);
      expect(await b.read(ID)).toBe('new');
    });

    it('does not hide the write from its own process, which has not polled yet', async () => {
      await a.warm(ID);
      a.polls.stop();
      a.schedule.fail('mark:before');
      await a.write(ID, 'new');
      expect(await a.read(ID)).toBe('new');
      a.polls.poll();
      expect(await a.read(ID)).toBe('new');
      await a.warm(ID);
    });

    it('counts as not confirmed when only the answer was lost', async () => {
      a.schedule.fail('mark:after');
      await a.write(ID, 'new');
      expect(a.inner.writes[0]?.bumpCacheEpoch).toBe(true);
      expect(await b.read(ID)).toBe('new');
    });

    it('one of a batch is enough', async () => {
      const link = a.link;
      if (link !== undefined) link.runIdNow = undefined;
      const changes = [save(ID, 'new'), save('0190aaaa-0000-7000-8000-000000000002', 'fresh', { fresh: true })];
      await a.repository.write(callOf(), requestOf(1, changes));
      expect(a.inner.writes[0]?.bumpCacheEpoch).toBe(true);
    });
  });

  describe('a settling that is not confirmed', () => {
    it('bumps the epoch before the answer', async () => {
      const commit = a.schedule.hold('commit:before');
      const writing = a.write(ID, 'new');
      await commit.reached;
      await redis.client.flushdb();
      await b.warm(ID); // The old row, into the flushed Redis.
      a.schedule.fail('settle:before');
      const bump = a.schedule.hold('bump:before');
      let answered = false;
      const answer = writing.then(() => {
        answered = true;
      });
      commit.open();
      await bump.reached;
      await new Promise(setImmediate);
      expect(answered).toBe(false);
      bump.open();
      await answer;
      expect(a.bumps).toEqual([1]);
      b.polls.poll();
      expect(await b.read(ID)).toBe('new');
    });

    it('is not called done when the bump fails too', async () => {
      a.schedule.fail('settle:before');
      a.schedule.fail('bump:before');
      await expect(a.write(ID, 'new')).rejects.toMatchObject({ reason: 'COMMIT_UNKNOWN' });
    });
  });

  describe('epochs', () => {
    it('are taken before the read: a fill that overlaps a bump fills something outdated', async () => {
      const rowRead = b.schedule.hold('read:after');
      const reading = b.read(ID);
      await rowRead.reached;
      a.schedule.fail('mark:before');
      await a.write(ID, 'new');
      b.polls.poll();
      const fill = b.schedule.hold('fill:after');
      rowRead.open();
      await reading;
      await fill.reached;
      fill.open();
      expect(await state()).toBe('V');
      expect(await b.read(ID)).toBe('new');
    });

    it('are taken before the write: a settling that overlaps a bump leaves something outdated', async () => {
      const committed = a.schedule.hold('commit:after');
      const first = a.write(ID, 'first');
      await committed.reached;
      b.schedule.fail('mark:before');
      await b.write(ID, 'second');
      a.polls.poll();
      b.polls.poll();
      committed.open();
      await first;
      expect(await state()).toBe('V');
      expect(await a.read(ID)).toBe('second');
      expect(await b.read(ID)).toBe('second');
    });

    it('that one process knows and another does not keep no old value alive', async () => {
      database.bump(1);
      b.polls.poll();
      await b.warm(ID);
      await a.write(ID, 'new'); // Under the epoch before.
      expect(await b.read(ID)).toBe('new');
      a.polls.poll();
      expect(await a.read(ID)).toBe('new');
      await b.warm(ID);
      expect(await b.read(ID)).toBe('new');
    });

    it('of one workspace leave the values of another alone', async () => {
      database.put(2, memoryOf(ID, 'other'));
      await b.warm(ID, 2);
      database.bump(1);
      b.polls.poll();
      const gets = b.inner.gets.length;
      expect(await b.read(ID, 2)).toBe('other');
      expect(b.inner.gets).toHaveLength(gets);
    });

    it('not heard of for a second take the cache out of use, and a new poll brings it back', async () => {
      await b.warm(ID);
      b.polls.stop(1_000);
      const gets = b.inner.gets.length;
      const commands = b.link?.commands.length;
      await b.read(ID);
      expect(b.inner.gets).toHaveLength(gets + 1);
      expect(b.link?.commands).toHaveLength(commands ?? -1);
      b.polls.poll();
      await b.read(ID);
      expect(b.inner.gets).toHaveLength(gets + 1);
    });

    it('that grow old while Redis answers are not trusted with the answer', async () => {
      await b.warm(ID);
      const reply = b.schedule.hold('mget:after');
      const reading = b.read(ID);
      await reply.reached;
      a.schedule.fail('mark:before');
      await a.write(ID, 'new');
      b.polls.stop(1_000);
      reply.open();
      expect(await reading).toBe('new');
    });
  });

  describe('keys', () => {
    it('hold the workspace: one id in two workspaces is two memories', async () => {
      database.put(2, memoryOf(ID, 'of the other'));
      await b.warm(ID, 1);
      expect(await b.read(ID, 2)).toBe('of the other');
      await b.warm(ID, 2);
      expect(await b.read(ID, 1)).toBe('old');
      await a.write(ID, 'new', 2);
      expect(await b.read(ID, 1)).toBe('old');
      expect(await b.read(ID, 2)).toBe('new');
    });

    it('hold the run of Redis: what a restart brings back from disk is not seen', async () => {
      await b.warm(ID);
      const name = await key();
      const onDisk = await redis.client.getBuffer(name);
      await a.write(ID, 'new');
      if (onDisk === null || a.link === undefined || b.link === undefined) throw new Error('nothing to restore');
      await redis.client.set(name, onDisk);
      a.link.runIdNow = 'another-run';
      b.link.runIdNow = 'another-run';
      expect(await b.read(ID)).toBe('new');
      await b.warm(ID);
      expect(await a.read(ID)).toBe('new');
    });

    it('of a write that a restart overtook are those of the new run when it settles', async () => {
      const commit = a.schedule.hold('commit:before');
      const writing = a.write(ID, 'new');
      await commit.reached;
      if (a.link === undefined || b.link === undefined) throw new Error('no Redis');
      a.link.runIdNow = 'another-run';
      b.link.runIdNow = 'another-run';
      await b.warm(ID);
      commit.open();
      await writing;
      expect(await b.read(ID)).toBe('new');
    });
  });

  it('STRONG reads ask the database and nobody else', async () => {
    await b.warm(ID);
    const commands = b.link?.commands.length;
    database.put(1, memoryOf(ID, 'behind the back'));
    expect(await b.read(ID, 1, Consistency.STRONG)).toBe('behind the back');
    expect(b.link?.commands).toHaveLength(commands ?? -1);
    expect(b.inner.gets.at(-1)?.consistency).toBe(Consistency.STRONG);
  });
});
