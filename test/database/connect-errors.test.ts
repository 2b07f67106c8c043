import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, inject, test } from 'vitest';
import { openDatabase } from '../../src/server/database/database.ts';
import { CONNECTIONS_BESIDE_POOL } from '../../src/server/database/pool-share.ts';
import { describeTarget, withSettings } from '../../src/server/database/target.ts';

async function refusal(url: string, options: { poolMax?: number; processes?: number } = {}): Promise<Error> {
  try {
    const database = await openDatabase({ url, connectTimeoutMs: 200, ...options });
    await database.close();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it connected');
}

async function listening(use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  try {
    await use(address.port);
  } finally {
    server.close();
  }
}

test('a port where nothing listens is named, the password is not', async () => {
  let port = 0;
  await listening(async (free) => {
    port = free;
  });
  for (const host of ['127.0.0.1', 'localhost']) {
    const error = await refusal(`postgresql://app:s3cret@${host}:${port}/hub`);
    expect(error.name).toBe('DatabaseConnectError');
    expect(error.message).toBe(
      `cannot connect to PostgreSQL at ${host}:${port}, database "hub", user "app": connection refused: nothing listens there`,
    );
    expect(JSON.stringify(error) + error.stack).not.toContain('s3cret');
  }
});

test('a server that says nothing is not waited for longer than set', async () => {
  await listening(async (port) => {
    const error = await refusal(`postgresql://app:s3cret@127.0.0.1:${port}/hub`);
    expect(error.message).toMatch(/: no answer in time$/);
  });
});

test('a database that is not there is named', async () => {
  const url = new URL(inject('postgresUrl'));
  url.pathname = '/nowhere';
  const error = await refusal(url.toString());
  expect(error.message).toMatch(/database "nowhere".*: there is no such database$/);
});

test.each(['', 'not a url', 'mysql://root@localhost/x'])('"%s" is no database URL', async (url) => {
  expect((await refusal(url)).message).toContain('postgresql://user:password@host:port/database');
});

test('a pool the server cannot hold is refused with both numbers', async () => {
  const error = await refusal(inject('postgresUrl'), { poolMax: 5000, processes: 4 });
  expect(error.name).toBe('DatabaseUnsuitableError');
  const wanted = 4 * (5000 + CONNECTIONS_BESIDE_POOL);
  expect(error.message).toMatch(
    new RegExp(`^up to ${wanted} connections are wanted, but PostgreSQL gives \\d+ \\(max_connections = \\d+`),
  );
});

test('a URL is described without its password, sockets included', () => {
  expect(describeTarget('postgresql://u%40x:p@db.example/hub')).toBe('db.example:5432, database "hub", user "u@x"');
  expect(describeTarget('postgresql:///hub?host=/run/postgresql')).toBe('socket /run/postgresql, database "hub"');
});

test('session settings join those the URL already has', () => {
  const url = withSettings('postgresql://h/hub?options=-c%20work_mem%3D8MB&sslmode=require', { jit: 'off' });
  expect(new URL(url).searchParams.get('options')).toBe('-c jit=off -c work_mem=8MB');
  expect(new URL(url).searchParams.get('sslmode')).toBe('require');
});
