import { randomUUID } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { createRetention, DEFAULT_RETENTION } from '../../src/server/repository/retention.ts';
import type { RetentionSettings } from '../../src/server/repository/retention-run.ts';
import {
  LOCK_WORKSPACE,
  PRUNE_REVISIONS,
  PURGE_DELETED,
  PURGE_EXPIRED,
} from '../../src/server/repository/retention-statements.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();
const run = (settings: Partial<RetentionSettings> = {}) =>
  createRetention(database(), { ...DEFAULT_RETENTION, ...settings }).runOnce();
const execute = async <T extends object[]>(text: string, values: unknown[] = []) =>
  (await database().orm()).em.execute<T>(text, values);

beforeEach(async () => {
  await execute('TRUNCATE memories, memory_revisions, request_log, workspace_heads');
  await execute('INSERT INTO workspace_heads (workspace_id) VALUES (1), (2)');
});

let written = 0;
/** Change numbers grow with time. */
function changeNumber(daysAgo: number): number {
  written += 1;
  return 100_000_000 - daysAgo * 10_000 + written;
}

interface Past {
  workspaceId?: number;
  /** Days ago of each revision, oldest first. */
  revisions: number[];
  deletedDaysAgo?: number;
  expiredDaysAgo?: number;
}

/** A memory with a past. */
async function memory({ workspaceId = 1, revisions, deletedDaysAgo, expiredDaysAgo }: Past): Promise<string> {
  const id = randomUUID();
  const ago = (days: number | undefined) => (days === undefined ? null : `${days} days`);
  const times = [revisions[0], undefined, deletedDaysAgo, expiredDaysAgo].map(ago);
  const columns = 'scope, content, create_time, update_time, delete_time, expire_time';
  let changeNo = 0;
  for (const [index, daysAgo] of revisions.entries()) {
    times[1] = ago(daysAgo);
    changeNo = changeNumber(daysAgo);
    await execute(
      `INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, ${columns})
       VALUES (?, ?, ?, ?, 1, 3, 'text', ${'now() - ?::interval, '.repeat(4).slice(0, -2)})`,
      [workspaceId, changeNo, id, index + 1, ...times],
    );
  }
  await execute(
    `INSERT INTO memories (workspace_id, id, revision, change_no, ${columns})
     VALUES (?, ?, ?, ?, 3, 'text', ${'now() - ?::interval, '.repeat(4).slice(0, -2)})`,
    [workspaceId, id, revisions.length, changeNo, ...times],
  );
  return id;
}

async function ids(): Promise<string[]> {
  return (await execute<{ id: string }[]>('SELECT id FROM memories')).map((row) => row.id).sort();
}

async function history(id: string): Promise<number[]> {
  const rows = await execute<{ revision: string }[]>(
    'SELECT revision FROM memory_revisions WHERE memory_id = ? ORDER BY revision',
    [id],
  );
  return rows.map((row) => Number(row.revision));
}

test('a memory deleted 30 days ago goes with its whole history, in every workspace', async () => {
  const gone = await memory({ revisions: [90, 60, 31], deletedDaysAgo: 31 });
  const elsewhere = await memory({ workspaceId: 2, revisions: [31], deletedDaysAgo: 31 });
  const recent = await memory({ revisions: [90, 29], deletedDaysAgo: 29 });
  const alive = await memory({ revisions: [90] });
  expect(await run()).toEqual({ memories: 2, purgedRevisions: 4, prunedRevisions: 0, requests: 0, auditEvents: 0 });
  expect(await ids()).toEqual([recent, alive].sort());
  expect([await history(gone), await history(elsewhere)]).toEqual([[], []]);
  expect([await history(recent), await history(alive)]).toEqual([[1, 2], [1]]);
});

test('a purge empties the cache of its workspace, and of no other', async () => {
  await memory({ workspaceId: 2, revisions: [31], deletedDaysAgo: 31 });
  await run();
  const heads = await execute('SELECT workspace_id, cache_epoch::int FROM workspace_heads ORDER BY 1');
  expect(heads).toEqual([
    { workspace_id: 1, cache_epoch: 0 },
    { workspace_id: 2, cache_epoch: 1 },
  ]);
});

test('a memory that expired 30 days ago goes likewise, one that has yet to expire stays', async () => {
  await memory({ revisions: [90], expiredDaysAgo: 31 });
  const recent = await memory({ revisions: [90], expiredDaysAgo: 29 });
  const later = await memory({ revisions: [90], expiredDaysAgo: -1 });
  expect(await run()).toMatchObject({ memories: 1, purgedRevisions: 1 });
  expect(await ids()).toEqual([recent, later].sort());
});

test('how long the dead are kept is a setting', async () => {
  await memory({ revisions: [9], deletedDaysAgo: 8 });
  const recent = await memory({ revisions: [9], deletedDaysAgo: 6 });
  await run({ deletedDays: 7 });
  expect(await ids()).toEqual([recent]);
});

test('more dead memories than a batch holds, and a history longer than one, go in one run', async () => {
  const long = await memory({ revisions: [40], deletedDaysAgo: 40 });
  await execute(
    `INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, content, create_time, update_time)
     SELECT 1, 1000000 + n, ?, 1 + n, 2, 3, 'text', now(), now() - interval '40 days' FROM generate_series(1, 4500) n`,
    [long],
  );
  await execute(
    `INSERT INTO memories (workspace_id, id, revision, change_no, scope, content, create_time, update_time, delete_time)
     SELECT 1, gen_random_uuid(), 1, 2000000 + n, 3, 'text', now(), now(), now() - interval '31 days' FROM generate_series(1, 450) n`,
  );
  expect(await run()).toMatchObject({ memories: 451, purgedRevisions: 4501 });
  expect(await execute('SELECT 1 FROM memory_revisions')).toEqual([]);
});

test('history of the living is kept for ever unless told otherwise', async () => {
  const id = await memory({ revisions: [9000, 8000, 7000] });
  expect(await run()).toMatchObject({ prunedRevisions: 0 });
  expect(await history(id)).toEqual([1, 2, 3]);
});

test('revisions replaced before the cutoff go, what was current at the cutoff stays', async () => {
  const long = await memory({ revisions: [100, 50, 20, 5] });
  const old = await memory({ revisions: [100, 99, 98] });
  const single = await memory({ revisions: [100] });
  const recent = await memory({ revisions: [5, 4] });
  expect(await run({ revisionsDays: 10 })).toMatchObject({ prunedRevisions: 2 + 2 });
  expect(await history(long)).toEqual([3, 4]);
  expect(await history(old)).toEqual([3]);
  expect(await history(single)).toEqual([1]);
  expect(await history(recent)).toEqual([1, 2]);
});

test('a run goes on where the last one stopped, and misses nothing', async () => {
  const id = await memory({ revisions: [100, 50] });
  const retention = createRetention(database(), { ...DEFAULT_RETENTION, revisionsDays: 10 });
  expect(await retention.runOnce()).toMatchObject({ prunedRevisions: 1 });
  await execute(
    `INSERT INTO memory_revisions SELECT workspace_id, ?, memory_id, 3, operation, note, key, scope, user_id, team, category,
       content, tags, metadata, author, create_time, now() - interval '11 days' FROM memory_revisions WHERE memory_id = ?`,
    [changeNumber(11), id],
  );
  expect(await retention.runOnce()).toMatchObject({ prunedRevisions: 1 });
  expect(await history(id)).toEqual([3]);
});

test('history longer than a batch is walked to its end', async () => {
  await execute(
    `INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, content, create_time, update_time)
     SELECT 1, 3000000 + n, '00000000-0000-4000-8000-000000000001', n, 2, 3, 'text', now(), now() - interval '40 days'
       FROM generate_series(1, 5000) n`,
  );
  expect(await run({ revisionsDays: 30 })).toMatchObject({ prunedRevisions: 4999 });
  expect(await history('00000000-0000-4000-8000-000000000001')).toEqual([5000]);
});

test('requests are forgotten after 24 hours', async () => {
  const log = (rows: number, age: string) =>
    execute(
      `INSERT INTO request_log (workspace_id, request_id, request_hash, first_change, changes, at)
       SELECT 1, gen_random_uuid(), sha256(''), n, 1, now() - ?::interval FROM generate_series(1, ${rows}) n`,
      [age],
    );
  await log(40_000, '25 hours');
  await log(3, '23 hours');
  expect(await run()).toMatchObject({ requests: 40_000 });
  expect(await execute('SELECT count(*)::int AS n FROM request_log')).toEqual([{ n: 3 }]);
  expect(await run({ requestLogHours: 22 })).toMatchObject({ requests: 3 });
});

test('one process at a time runs; a lease that ran out is taken over', async () => {
  await memory({ revisions: [40], deletedDaysAgo: 40 });
  await execute(
    "UPDATE jobs SET holder = 'another', lease_until = now() + interval '1 minute' WHERE name = 'retention'",
  );
  expect(await run()).toBeUndefined();
  expect(await ids()).toHaveLength(1);
  await execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE name = 'retention'");
  expect(await run()).toMatchObject({ memories: 1 });
  const [job] = await execute('SELECT holder, lease_until, last_run IS NOT NULL AS ran FROM jobs');
  expect(job).toEqual({ holder: '', lease_until: null, ran: true });
});

test('of runs that begin together each dead memory is counted once', async () => {
  for (let n = 0; n < 5; n += 1) await memory({ revisions: [40], deletedDaysAgo: 40 });
  const reports = await Promise.all([run(), run(), run()]);
  expect(reports.reduce((sum, report) => sum + (report?.memories ?? 0), 0)).toBe(5);
});

test('a purge waits for the writers of its workspace', async () => {
  const revived = await memory({ revisions: [40], deletedDaysAgo: 40 });
  let purge: Promise<unknown> = Promise.resolve();
  await database().pool.withClient(async (writer) => {
    await writer.query('BEGIN');
    await writer.query({ text: LOCK_WORKSPACE, values: [1] });
    purge = run();
    const waits = {
      text: "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    };
    while ((await database().pool.query(waits)).rows.length === 0);
    await writer.query({ text: 'UPDATE memories SET delete_time = NULL WHERE id = $1', values: [revived] });
    await writer.query('COMMIT');
  });
  expect(await purge).toMatchObject({ memories: 0 });
  expect(await ids()).toEqual([revived]);
});

test('after stop nothing runs any more', async () => {
  await memory({ revisions: [40], deletedDaysAgo: 40 });
  const retention = createRetention(database());
  retention.start();
  await retention.stop();
  expect(await retention.runOnce()).toBeUndefined();
  expect(await ids()).toHaveLength(1);
});

test('what fails lays the job down unfinished', async () => {
  await execute("UPDATE jobs SET last_run = NULL WHERE name = 'retention'");
  await execute('ALTER TABLE request_log RENAME TO request_log_away');
  try {
    await expect(run()).rejects.toMatchObject({ code: '42P01' });
  } finally {
    await execute('ALTER TABLE request_log_away RENAME TO request_log');
  }
  expect(await execute('SELECT holder, last_run FROM jobs')).toEqual([{ holder: '', last_run: null }]);
});

test('no statement reads a whole table of memories or history', async () => {
  await execute(`
    INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, content, create_time, update_time)
    SELECT 1 + n % 2, n, gen_random_uuid(), 1, 1, 3, repeat('x', 1000), now(), now() - n * interval '1 minute' FROM generate_series(1, 20000) n`);
  await execute(`
    INSERT INTO memories (workspace_id, id, revision, change_no, scope, content, create_time, update_time, delete_time, expire_time)
    SELECT workspace_id, memory_id, 1, change_no, 3, content, create_time, update_time,
           CASE WHEN change_no % 50 = 0 THEN update_time END, CASE WHEN change_no % 50 = 1 THEN update_time END
      FROM memory_revisions`);
  await execute('ANALYZE memories, memory_revisions');
  const plan = async (text: string, values: unknown[]) => {
    const { rows } = await database().pool.query<string[]>({ rowMode: 'array', text: `EXPLAIN ${text}`, values });
    return rows.join('\n');
  };
  const cutoff = (Date.now() - 86_400_000) * 1000;
  for (const [text, values, index] of [
    [PURGE_DELETED, [1, cutoff, 100, 1000], 'memories_delete_time'],
    [PURGE_EXPIRED, [1, cutoff, 100, 1000], 'memories_expire_time'],
    [PRUNE_REVISIONS, [1, 0, cutoff, 1000], 'memory_revisions_pkey'],
  ] as const) {
    const shown = await plan(text, [...values]);
    expect(shown).toContain(index);
    expect(shown).not.toMatch(/Seq Scan on (memories|memory_revisions)/);
  }
});

test('the audit trail is kept for the days that are set, however long it is', async () => {
  await execute(`INSERT INTO audit (at, key_id, author, action)
                 SELECT clock_timestamp() - n * interval '1 hour', 'k', 'a', 'old' FROM generate_series(1, 5000) n`);
  expect(await run({ auditDays: 10 })).toMatchObject({ auditEvents: 5000 - 239 });
  expect(await execute("SELECT count(*)::int AS kept FROM audit WHERE action = 'old'")).toEqual([{ kept: 239 }]);
});
