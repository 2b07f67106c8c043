import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/server/database/database.ts';
import { PoolExhaustedError, QueryTimeoutError } from '../../src/server/database/errors.ts';
import { testDatabase } from '../support/database.ts';

const shared = testDatabase();
let opened: Database | undefined;

async function open(options: Partial<DatabaseOptions> = {}): Promise<Database> {
  opened = await openDatabase({ url: shared().url, poolMax: 1, poolMin: 0, ...options });
  return opened;
}

afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

const BACKEND = { text: 'SELECT pg_backend_pid() AS pid' };
async function backend(database: Database): Promise<number | undefined> {
  return (await database.pool.query<{ pid: number }>(BACKEND)).rows[0]?.pid;
}

/** Waits for something the server does in its own time. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

describe('a connection is kept', () => {
  test('after an error of the statement alone', async () => {
    const database = await open();
    const pid = await backend(database);
    await expect(database.pool.query({ text: 'SELECT 1 / 0' })).rejects.toMatchObject({ code: '22012' });
    expect(await backend(database)).toBe(pid);
    expect(database.pool.gauges).toMatchObject({ size: 1, busy: 0, lost: 0 });
  });

  test('when the server ended a statement that took too long', async () => {
    const database = await open({ statementTimeoutMs: 50 });
    const pid = await backend(database);
    await expect(database.pool.query({ text: 'SELECT pg_sleep(10)' })).rejects.toMatchObject({ code: '57014' });
    expect(await backend(database)).toBe(pid);
  });
});

describe('a connection is thrown away', () => {
  test('when no answer came in time', async () => {
    const database = await open({ statementTimeoutMs: 50 });
    const pid = await backend(database);
    const unanswered = database.pool.withClient(async (client) => {
      await client.query('SET statement_timeout = 0');
      await client.query('SELECT pg_sleep(30)');
    });
    await expect(unanswered).rejects.toBeInstanceOf(QueryTimeoutError);
    expect(await backend(database)).not.toBe(pid);
    expect(database.pool.gauges.lost).toBe(1);
  });

  test.each([
    ['by itself', () => Promise.reject(new Error('a bug')), { message: 'a bug' }],
    ['by a statement', (client: PoolClient) => client.query('SELECT 1 / 0'), { code: '22012' }],
  ])('when its work fails within a transaction, %s, which is thereby undone', async (_, fail, error) => {
    const database = await open();
    const pid = await backend(database);
    const failing = database.pool.withClient(async (client) => {
      await client.query('BEGIN');
      await client.query("INSERT INTO workspaces (name) VALUES ('undone')");
      await fail(client);
    });
    await expect(failing).rejects.toMatchObject(error);
    expect(await backend(database)).not.toBe(pid);
    expect(await (await database.orm()).em.execute("SELECT * FROM workspaces WHERE name = 'undone'")).toEqual([]);
  });

  test('when its work forgets to end a transaction', async () => {
    const database = await open();
    const pid = await backend(database);
    await database.pool.withClient((client) => client.query('BEGIN'));
    expect(await backend(database)).not.toBe(pid);
  });

  test('when its caller gives up, and the server stops the statement', async () => {
    const database = await open();
    const controller = new AbortController();
    const abandoned = database.pool.query({ text: 'SELECT pg_sleep(60), 4711' }, controller.signal);
    const running = async () => {
      const rows = await (await shared().orm()).em.execute(
        "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(60), 47%'",
      );
      return rows.length > 0;
    };
    await until(running);
    controller.abort(new Error('the caller is gone'));
    await expect(abandoned).rejects.toThrow('the caller is gone');
    await until(async () => !(await running()));
    expect(database.pool.gauges.busy).toBe(0);
  });

  test('at the end of its lifetime', async () => {
    const database = await open({ maxLifetimeSeconds: 1 });
    const pid = await backend(database);
    await until(async () => (await backend(database)) !== pid);
    expect(database.pool.gauges).toMatchObject({ size: 1, lost: 0 });
  });

  test('when the server closed it while it was idle, without harm to the process', async () => {
    const lost: string[] = [];
    const database = await open({ observer: { acquired: () => {}, lost: (error) => lost.push(error.message) } });
    const pid = await backend(database);
    await (await shared().orm()).em.execute('SELECT pg_terminate_backend(?)', [pid]);
    await until(async () => lost.length > 0);
    expect(await backend(database)).not.toBe(pid);
    expect(database.pool.gauges.lost).toBe(1);
  });
});

describe('a pool with every connection busy', () => {
  test('refuses a caller after the bound, and serves again when one comes back', async () => {
    const waits: number[] = [];
    const observer = { acquired: (waitedMs: number) => waits.push(waitedMs), lost: () => {} };
    const database = await open({ poolMax: 2, acquireTimeoutMs: 20, observer });
    const free = Promise.withResolvers<void>();
    const busy = [1, 2].map(() => database.pool.withClient(() => free.promise));
    await until(async () => waits.length === 2);

    const refused = database.pool.query(BACKEND);
    expect(database.pool.gauges).toEqual({ max: 2, size: 2, busy: 2, waiting: 1, lost: 0 });
    await expect(refused).rejects.toBeInstanceOf(PoolExhaustedError);
    expect(database.pool.gauges).toMatchObject({ waiting: 0, busy: 2 });

    free.resolve();
    await Promise.all(busy);
    expect(await backend(database)).toBeTypeOf('number');
    expect(database.pool.gauges).toMatchObject({ busy: 0, size: 2, lost: 0 });
    expect(waits.length).toBe(3);
  });

  test('lets a caller that gives up out of the queue', async () => {
    const database = await open({ acquireTimeoutMs: 60_000 });
    const free = Promise.withResolvers<void>();
    const busy = database.pool.withClient(() => free.promise);
    const controller = new AbortController();
    const waiting = database.pool.query(BACKEND, controller.signal);
    controller.abort(new Error('the caller is gone'));
    await expect(waiting).rejects.toThrow('the caller is gone');
    free.resolve();
    await busy;
    expect(await backend(database)).toBeTypeOf('number');
  });

  test('serves callers beyond its size in turn while it is still opening connections', async () => {
    const database = await open({ poolMax: 4, acquireTimeoutMs: 1 });
    const pids = await Promise.all(Array.from({ length: 4 }, () => backend(database)));
    expect(new Set(pids).size).toBe(4);
  });
});

test('a connection that never comes back does not keep the database from closing', async () => {
  const database = await open();
  void database.pool.withClient(() => new Promise(() => {}));
  await backend(shared());
  await database.close();
  opened = undefined;
});

test('a caller whose signal has fired before costs no connection', async () => {
  const database = await open();
  await expect(database.pool.query(BACKEND, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
  expect(database.pool.gauges.size).toBe(0);
});

test('int8 comes back as a number, times as text, bytea as bytes', async () => {
  const { rows } = await shared().pool.query<unknown[]>({
    rowMode: 'array',
    text: "SELECT 9007199254740991::bigint, '2026-01-01 00:00:00.123456+00'::timestamptz, '\\x00ff'::bytea",
  });
  expect(rows).toEqual([[9007199254740991, expect.stringContaining('00.123456'), Buffer.from([0, 255])]]);
});

test('a named statement is prepared once per connection', async () => {
  const database = await open();
  const statement = { name: 'one', text: 'SELECT $1::int AS n', values: [1] };
  await database.pool.query(statement);
  await database.pool.query(statement);
  const { rows } = await database.pool.query({ text: 'SELECT name FROM pg_prepared_statements' });
  expect(rows).toEqual([{ name: 'one' }]);
});

test('sessions run without JIT, and those for writing with generic plans, many statements at once', async () => {
  const show = { text: "SELECT current_setting('jit') AS jit, current_setting('plan_cache_mode') AS plan" };
  expect((await shared().pool.query(show)).rows).toEqual([{ jit: 'off', plan: 'auto' }]);
  const client = await shared().openWriteConnection();
  try {
    expect((await client.query(show)).rows).toEqual([{ jit: 'off', plan: 'force_generic_plan' }]);
    const answers = await Promise.all([
      client.query('BEGIN'),
      client.query({ name: 'w', text: 'SELECT $1::bigint AS n', values: [7] }),
      client.query('COMMIT'),
    ]);
    expect(answers[1]?.rows).toEqual([{ n: 7 }]);
  } finally {
    await client.end();
  }
});

test('reads of a replica go through a pool of their own', async () => {
  const database = await open({ readUrl: shared().url });
  await database.readPool.query(BACKEND);
  expect(database.readPool.gauges.size).toBe(1);
  expect(database.pool.gauges.size).toBe(0);
  expect(shared().readPool).toBe(shared().pool);
});
