import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { dataDirStatus, stopLeftBehind } from '../../src/server/database/embedded/left-behind.ts';
import { postgresUser } from '../../src/server/database/embedded/os-user.ts';
import { isAlive } from '../../src/server/database/embedded/processes.ts';
import { runChild } from './embedded-child.ts';

// initdb on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-left-'));
});
afterAll(async () => {
  await stopLeftBehind(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
});

const claim = '127.0.0.1:4711';

test('where nothing is, there is nothing to tell and nothing to end', async () => {
  const nowhere = join(dataDir, 'nowhere');
  expect(await dataDirStatus(nowhere)).toEqual({ dataDir: nowhere, sizeBytes: undefined });
  expect(await stopLeftBehind(nowhere)).toEqual({});
});

test('a server and its PostgreSQL are seen, and ended in that order', async () => {
  const server = await runChild({ dataDir, claim, postgres: true });
  const status = await dataDirStatus(dataDir);
  expect(status.server).toMatchObject({ pid: server.pid, address: claim });
  expect(status.postgres).toMatchObject({
    state: 'ready',
    answers: true,
    port: Number(new URL(server.answer.url ?? '').port),
  });
  expect(status.postgresMajor).toBe(18);
  expect(status.sizeBytes).toBeGreaterThan(20_000_000);

  const stopped = await stopLeftBehind(dataDir);
  expect(stopped).toEqual({ server: server.pid, postgres: status.postgres?.pid });
  // It ended by itself, after it had shut down its PostgreSQL.
  expect(await server.exited).toBe(0);
  expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).toMatch(/database system is shut down\s*$/);
  const after = await dataDirStatus(dataDir);
  expect(after.server).toBeUndefined();
  expect(after.postgres).toBeUndefined();
});

test('the PostgreSQL of a killed server is seen and ended', async () => {
  const server = await runChild({ dataDir, claim, postgres: true });
  await server.kill();
  const { server: none, postgres } = await dataDirStatus(dataDir);
  expect(none).toBeUndefined();
  expect(postgres).toMatchObject({ answers: true });
  expect(await stopLeftBehind(dataDir)).toEqual({ postgres: postgres?.pid });
  expect(isAlive(postgres?.pid ?? 0)).toBe(false);
});

test('a server that does not end is left alone, with a text that says what to do', async () => {
  const server = await runChild({ dataDir, claim, postgres: true, deaf: true });
  const refused = stopLeftBehind(dataDir, 100);
  await expect(refused).rejects.toMatchObject({ code: 'still_running' });
  await expect(refused).rejects.toThrow(`kill -9 ${server.pid}`);
  expect((await dataDirStatus(dataDir)).postgres).toMatchObject({ answers: true });
  await server.kill();
  await stopLeftBehind(dataDir);
});

test('a process that only has the pid of a dead server or postmaster is not touched', async () => {
  // Of the user PostgreSQL runs as: beside a living process of its own user it refuses to start.
  const { uid, gid } = postgresUser(undefined) ?? {};
  const bystander = spawn('sleep', ['60'], uid === undefined || gid === undefined ? {} : { uid, gid });
  const pid = bystander.pid ?? 0;
  const record = { pid, start: 'long ago', id: 'x', address: claim, since: '' };
  writeFileSync(join(dataDir, 'server.json'), JSON.stringify(record));
  const data = join(dataDir, 'postgres', 'data');
  writeFileSync(join(data, 'postmaster.pid'), `${pid}\n${data}\n0\n5432\n\n127.0.0.1\n0 0\nready   \n`);
  expect(await dataDirStatus(dataDir)).not.toHaveProperty('postgres');
  expect(await stopLeftBehind(dataDir)).toEqual({});

  const server = await runChild({ dataDir, claim, postgres: true });
  expect(server.answer).toMatchObject({ adopted: false });
  await stopLeftBehind(dataDir);
  expect(bystander.exitCode).toBeNull();
  bystander.kill('SIGKILL');
});
