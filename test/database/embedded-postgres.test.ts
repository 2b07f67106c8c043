import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';
import { stopLeftBehind } from '../../src/server/database/embedded/left-behind.ts';
import { ended } from '../../src/server/database/embedded/processes.ts';
import { runChild } from './embedded-child.ts';

// initdb on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const isConfinable = process.getuid?.() === 0 && existsSync('/usr/bin/setpriv');

// One database for the file, in a folder that, as everything mkdtemp makes, only its owner may enter: as root
// that is somebody else than the user PostgreSQL runs as. Each test finds it stopped and leaves it stopped.
let dataDir: string;
let handle: EmbeddedPostgres | undefined;
const notices: string[] = [];

beforeAll(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'memory-hub-embedded-')), 'data');
});
afterAll(async () => {
  await handle?.stop();
  await stopLeftBehind(dataDir);
  rmSync(join(dataDir, '..'), { recursive: true, force: true });
});

async function start(options: { maxConnections?: number; startTimeoutMs?: number } = {}): Promise<EmbeddedPostgres> {
  handle = await startEmbeddedPostgres({
    dataDir,
    maxConnections: 20,
    onNotice: (text) => notices.push(text),
    ...options,
  });
  return handle;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const note = (url: string, what: string) => query(url, `INSERT INTO notes VALUES ('${what}')`);
const notes = async (url: string) => (await query(url, 'SELECT what FROM notes ORDER BY at')).map(({ what }) => what);
const ps = (pid: number, column: string) =>
  Number(execFileSync('ps', ['-o', `${column}=`, '-p', `${pid}`], { encoding: 'utf8' }));
const parentOf = (pid: number) => ps(pid, 'ppid');
const groupOf = (pid: number) => ps(pid, 'pgid');

/** A server in another process that has written a note and is killed. @returns pids and url of what it leaves */
async function leaveBehind(what: string) {
  const server = await runChild({ dataDir, postgres: true });
  const url = server.answer.url ?? '';
  await note(url, what);
  await server.kill();
  const [row] = await query(url, `SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int AS pid`);
  const pid = row?.pid as number;
  return { url, pid, launcher: parentOf(pid) };
}

test('the first start makes a database that only we can enter', async () => {
  const postgres = await start();
  expect(postgres).toMatchObject({ adopted: false, recovered: false });
  await query(postgres.url, 'CREATE TABLE notes (what text, at timestamptz DEFAULT clock_timestamp())');
  await note(postgres.url, 'first');

  const wrong = new URL(postgres.url);
  wrong.password = 'wrong';
  await expect(query(wrong.toString(), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  expect(statSync(join(dataDir, 'postgres')).mode & 0o777).toBe(0o700);
  expect(statSync(join(dataDir, 'postgres', 'password')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'postgres.log')).mode & 0o777).toBe(0o600);

  const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'unix_socket_directories'];
  names.push('max_connections', 'server_encoding', 'TimeZone', 'lc_messages', 'log_min_error_statement');
  const [settings] = await query(
    postgres.url,
    `SELECT ${names.map((name) => `current_setting('${name}') AS "${name}"`)}, datlocale FROM pg_database
      WHERE datname = current_database()`,
  );
  expect(settings).toEqual({
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '20',
    server_encoding: 'UTF8',
    TimeZone: 'UTC',
    lc_messages: 'C',
    log_min_error_statement: 'panic',
    datlocale: 'C.UTF-8',
  });
  await postgres.stop();
  await expect(query(postgres.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a second start finds what the first one wrote', async () => {
  const postgres = await start({ maxConnections: 30 });
  expect(postgres).toMatchObject({ adopted: false, recovered: false });
  expect(await notes(postgres.url)).toEqual(['first']);
  expect(await query(postgres.url, 'SHOW max_connections')).toEqual([{ max_connections: '30' }]);
  await postgres.stop();
});

test('an operator keeps what they set with ALTER SYSTEM', async () => {
  const before = await start();
  await query(before.url, "ALTER SYSTEM SET shared_buffers = '64MB'");
  await before.stop();
  const after = await start();
  expect(await query(after.url, 'SHOW shared_buffers')).toEqual([{ shared_buffers: '64MB' }]);
  await after.stop();
});

describe('while the server lives', () => {
  test('a killed PostgreSQL comes back on its port with everything that was committed', async () => {
    const postgres = await start();
    const { pid } = postgres;
    await note(postgres.url, 'before the kill');
    notices.length = 0;
    process.kill(pid, 'SIGKILL');
    await vi.waitUntil(() => postgres.pid !== pid, { timeout: 10_000 });
    expect(await notes(postgres.url)).toEqual(['first', 'before the kill']);
    expect(notices.join('\n')).toMatch(/ended unexpectedly.*is back/s);
    await postgres.stop();
  });

  test('a killed launcher does no harm, and PostgreSQL still comes back', async () => {
    const postgres = await start();
    const { pid } = postgres;
    const launcher = parentOf(pid);
    process.kill(launcher, 'SIGKILL');
    expect(await ended(launcher, 5_000)).toBe(true);
    expect(await notes(postgres.url)).toHaveLength(2);
    process.kill(pid, 'SIGKILL');
    await vi.waitUntil(() => postgres.pid !== pid, { timeout: 10_000 });
    expect(await notes(postgres.url)).toHaveLength(2);
    await postgres.stop();
  });

  test('signals that end a server leave the launcher and PostgreSQL alone', async () => {
    const postgres = await start();
    const launcher = parentOf(postgres.pid);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(launcher, signal);
    expect(await notes(postgres.url)).toHaveLength(2);
    expect(parentOf(postgres.pid)).toBe(launcher);
    // Ctrl-C goes to the whole process group of the terminal: theirs is another one.
    expect(groupOf(postgres.pid)).not.toBe(groupOf(process.pid));
    expect(groupOf(launcher)).toBe(launcher);
    await postgres.stop();
    expect(await ended(launcher, 5_000)).toBe(true);
  });
});

describe('after a killed server', () => {
  test('its PostgreSQL is adopted', async () => {
    const left = await leaveBehind('by a server that was killed');
    const postgres = await start();
    expect(postgres).toMatchObject({ adopted: true, recovered: false, url: left.url, pid: left.pid });
    expect(await notes(postgres.url)).toContain('by a server that was killed');
    await postgres.stop();
    expect(await ended(left.launcher, 5_000)).toBe(true);
  });

  test('it is adopted too when the launcher was killed with it', async () => {
    const left = await leaveBehind('by a server killed with its launcher');
    process.kill(left.launcher, 'SIGKILL');
    const postgres = await start();
    expect(postgres).toMatchObject({ adopted: true, pid: left.pid });
    await postgres.stop();
    await expect(query(left.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('with everything killed, the next start waits for what still runs, and recovers', async () => {
    const left = await leaveBehind('by a server killed with everything');
    // A backend that is busy does not see that its postmaster is gone, and none may start beside it.
    const client = new Client({ connectionString: left.url });
    client.on('error', () => {});
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const backend = rows[0]?.pid ?? 0;
    process.kill(backend, 'SIGSTOP');
    for (const pid of [left.launcher, left.pid]) process.kill(pid, 'SIGKILL');
    const starting = start();
    const log = join(dataDir, 'postgres.log');
    const isRefused = () => readFileSync(log, 'utf8').includes('pre-existing shared memory block');
    await vi.waitUntil(isRefused, { timeout: 10_000 });
    process.kill(backend, 'SIGCONT');
    const postgres = await starting;
    expect(postgres).toMatchObject({ adopted: false, recovered: true });
    expect(await notes(postgres.url)).toContain('by a server killed with everything');
    await postgres.stop();
  });

  test('an orphan that allows too few connections is started anew', async () => {
    const left = await leaveBehind('by a small server');
    const postgres = await start({ maxConnections: 40 });
    expect(postgres.adopted).toBe(false);
    expect(postgres.pid).not.toBe(left.pid);
    expect(await query(postgres.url, 'SHOW max_connections')).toEqual([{ max_connections: '40' }]);
    await postgres.stop();
  });

  test('an orphan that does not answer in time is an error with the end of the log', async () => {
    const left = await leaveBehind('by a server whose PostgreSQL hangs');
    process.kill(left.pid, 'SIGSTOP');
    const refused = start({ startTimeoutMs: 200 });
    await expect(refused).rejects.toMatchObject({ code: 'start_timeout' });
    await expect(refused).rejects.toThrow(/within 0\.2 s \(pid \d+, ready\).*ready to accept connections/s);
    process.kill(left.pid, 'SIGCONT');
    const postgres = await start();
    expect(postgres).toMatchObject({ adopted: true, pid: left.pid });
    await postgres.stop();
  });

  test.runIf(isConfinable)(
    'root without the capability to look into processes, as in a container, adopts it too',
    async () => {
      const first = await runChild({ dataDir, postgres: true, confined: true });
      expect(first.answer).toMatchObject({ adopted: false });
      await first.kill();
      const second = await runChild({ dataDir, postgres: true, confined: true });
      expect(second.answer).toMatchObject({ adopted: true, url: first.answer.url });
      await second.kill();
      await stopLeftBehind(dataDir);
    },
  );
});
