import { once } from 'node:events';
import { createServer } from 'node:net';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/server/database/database.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { sqlState, toServiceError, toWriteError, translating } from '../../src/server/repository/driver-errors.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase({ statementTimeoutMs: 100, acquireTimeoutMs: 20, poolMax: 2 });

/** What the service would say of the error that `work` really ends with. */
async function said(work: () => Promise<unknown>): Promise<unknown> {
  return translating(work).then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error,
  );
}

const query = (text: string) => () => database().pool.query({ text });
const ownEnd = 'SELECT pg_terminate_backend(pg_backend_pid())';

describe('the database is unavailable', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['when it ends the connection', query(ownEnd)],
    ['when it ends a connection of the ORM', async () => (await database().orm()).em.fork().execute(ownEnd)],
    [
      'when it has become a standby',
      () =>
        database().pool.withClient(async (client) => {
          await client.query('BEGIN READ ONLY');
          await client.query("INSERT INTO workspaces (name) VALUES ('x')");
        }),
    ],
    ['when nothing listens any more', () => connect('gone')],
    ['when the connection breaks in mid-talk', () => connect('hangs up')],
    [
      'when it does not answer in time',
      async () => {
        await database().pool.withClient(async (client) => {
          await client.query('SET statement_timeout = 0');
          await client.query('SELECT pg_sleep(30)');
        });
      },
    ],
  ])('%s', async (_, work) => {
    const error = await said(work);
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ reason: 'DATABASE_UNAVAILABLE', retryAfterMs: 1000 });
    expect((error as ServiceError).message).toBe('the database cannot be reached');
    expect((error as ServiceError).cause).toBeInstanceOf(Error);
  });
});

test('a change that never reached the database is not in doubt, one that broke off is', async () => {
  const errorOf = (work: Promise<unknown>) => work.then(String, (error: unknown) => error);
  expect(toWriteError(await errorOf(connect('gone')))).toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
  expect(toWriteError(await errorOf(connect('hangs up')))).toMatchObject({ reason: 'COMMIT_UNKNOWN' });
  expect(toWriteError(await errorOf(query(ownEnd)()))).toMatchObject({ reason: 'COMMIT_UNKNOWN' });
  const closed = new ServiceError('OVERLOADED', 'busy');
  expect(toWriteError(closed)).toBe(closed);
});

test('a statement that took too long is a deadline exceeded', async () => {
  expect(await said(query('SELECT pg_sleep(10)'))).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
});

test('a busy pool and a lock that is not free mean overload', async () => {
  const free = Promise.withResolvers<void>();
  const lent = [1, 2].map(() => database().pool.withClient(() => free.promise));
  expect(await said(query('SELECT 1'))).toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 200 });
  free.resolve();
  await Promise.all(lent);

  await database().pool.withClient(async (client) => {
    await client.query("BEGIN; INSERT INTO jobs (name) VALUES ('locked'); COMMIT; BEGIN");
    await client.query("SELECT * FROM jobs WHERE name = 'locked' FOR UPDATE");
    const blocked = await said(query("SELECT * FROM jobs WHERE name = 'locked' FOR UPDATE NOWAIT"));
    expect(blocked).toMatchObject({ reason: 'OVERLOADED' });
    await client.query('ROLLBACK');
  });
});

test('a closed database means the server is shutting down', async () => {
  const closed = await openDatabase({ url: database().url, poolMax: 1 });
  await closed.close();
  expect(await said(() => closed.pool.query({ text: 'SELECT 1' }))).toMatchObject({ reason: 'SHUTTING_DOWN' });
});

test('what says nothing of the service stays as it is', async () => {
  const violation = await said(query("INSERT INTO cache_generations (cache) VALUES ('authentication')"));
  expect(violation).not.toBeInstanceOf(ServiceError);
  expect(sqlState(violation)).toBe('23505');
  const ofOrm = await said(async () => (await database().orm()).em.fork().execute('SELECT 1 / 0'));
  expect(sqlState(ofOrm)).toBe('22012');
  for (const error of [new TypeError('a bug'), 'text', undefined, new ServiceError('CANCELLED', 'gone')]) {
    expect(toServiceError(error)).toBe(error);
  }
});

/** Connects to a listener that has gone, or that hangs up on whoever speaks to it. */
async function connect(listener: 'gone' | 'hangs up'): Promise<void> {
  const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  if (listener === 'gone') server.close();
  const client = new Client({ host: '127.0.0.1', port: address.port, user: 'x', database: 'x' });
  client.on('error', () => {});
  try {
    await client.connect();
  } finally {
    server.close();
  }
}
