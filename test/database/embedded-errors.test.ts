import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findBinaries } from '../../src/server/database/embedded/binaries.ts';
import { startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';
import { layoutOf } from '../../src/server/database/embedded/layout.ts';
import { stopLeftBehind } from '../../src/server/database/embedded/left-behind.ts';
import { canUse } from '../../src/server/database/embedded/os-user.ts';
import { prepare } from '../../src/server/database/embedded/prepare.ts';
import { shutDown } from '../../src/server/database/embedded/shut-down.ts';
import { start } from '../../src/server/database/embedded/start.ts';
import { runChild } from './embedded-child.ts';

// initdb on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-hub-errors-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NOBODY = { uid: 65_534, gid: 65_534, name: 'nobody' };
const isRoot = process.getuid?.() === 0;

test('a platform without binaries is told which ones there are and what else to do', () => {
  expect(() => findBinaries('sunos-x64')).toThrow(expect.objectContaining({ code: 'platform_unsupported' }));
  expect(() => findBinaries('sunos-x64')).toThrow(/for sunos-x64 \(only for linux-x64, .*DATABASE_URL/);
});

test.runIf(process.platform === 'linux')('a system with another C library is told that the binaries need glibc', () => {
  expect(() => findBinaries(undefined, '/lib/no-such-loader.so')).toThrow(/needs glibc.*DATABASE_URL/);
});

test('binaries that were not installed are told with the package that is missing', () => {
  const elsewhere = process.platform === 'linux' ? 'darwin-arm64' : 'linux-x64';
  expect(() => findBinaries(elsewhere)).toThrow(expect.objectContaining({ code: 'binaries_missing' }));
  expect(() => findBinaries(elsewhere)).toThrow(`@embedded-postgres/${elsewhere}`);
});

test('a database of another major version is refused, untouched, with the way to move', async () => {
  const dataDir = join(folder, 'other-major');
  const { data } = layoutOf(dataDir);
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'PG_VERSION'), '17\n');
  const refused = startEmbeddedPostgres({ dataDir, maxConnections: 20 });
  await expect(refused).rejects.toMatchObject({ code: 'other_major' });
  await expect(refused).rejects.toThrow(/made by PostgreSQL 17; .* brings PostgreSQL 18, .*export.*import/);
  expect(readFileSync(join(data, 'PG_VERSION'), 'utf8')).toBe('17\n');
});

test.each([
  ['PG_VERSION', undefined, 'it has no file PG_VERSION'],
  ['PG_VERSION', 'eighteen\n', 'its file PG_VERSION holds no version'],
  ['global/pg_control', undefined, 'global/pg_control is not there'],
  ['../password', undefined, 'password is not there'],
])('a database whose %s is now %j is refused as damaged, and left as it is', async (name, content, why) => {
  const dataDir = mkdtempSync(join(folder, 'damaged-'));
  const { data, passwordFile } = layoutOf(dataDir);
  mkdirSync(join(data, 'global'), { recursive: true });
  writeFileSync(join(data, 'PG_VERSION'), '18\n');
  for (const file of [join(data, 'global', 'pg_control'), passwordFile]) writeFileSync(file, '');
  if (content === undefined) rmSync(join(data, name));
  else writeFileSync(join(data, name), content);
  const refused = startEmbeddedPostgres({ dataDir, maxConnections: 20 });
  await expect(refused).rejects.toMatchObject({ code: 'damaged' });
  await expect(refused).rejects.toThrow(why);
  await expect(refused).rejects.toThrow('an empty one (MEMORYHUB_DATA_DIR)');
  expect(readdirSync(data)).toContain('global');
});

test('a failed initdb is told with its last words, and a later start makes the database', async () => {
  const dataDir = join(folder, 'initdb');
  const prepared = prepare(layoutOf(dataDir), () => {});
  const native = join(folder, 'broken');
  cpSync(prepared.binaries.native, native, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('postgres.bki'),
  });
  chmodSync(folder, 0o755);
  const broken = { ...prepared, binaries: { ...prepared.binaries, native } };
  const refused = start(broken, { maxConnections: 20 }, performance.now() + 10_000);
  await expect(refused).rejects.toMatchObject({ code: 'initdb_failed' });
  await expect(refused).rejects.toThrow(/initdb, .* ended with code 1.*postgres\.bki/s);

  const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 20 });
  await postgres.stop();
});

test('a PostgreSQL that does not start is told with its last words', async () => {
  const dataDir = join(folder, 'initdb');
  const conf = join(layoutOf(dataDir).data, 'postgresql.auto.conf');
  writeFileSync(conf, "shared_buffers = 'lots'\n");
  const refused = startEmbeddedPostgres({ dataDir, maxConnections: 20 });
  await expect(refused).rejects.toMatchObject({ code: 'start_failed' });
  await expect(refused).rejects.toThrow(/PostgreSQL ended with code 1.*invalid value for parameter "shared_buffers"/s);
  writeFileSync(conf, '');
});

test('a port that somebody else took is no error, but worth another try', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const prepared = prepare(layoutOf(join(folder, 'initdb')), () => {});
  expect(await start(prepared, { maxConnections: 20, port }, performance.now() + 10_000)).toBeUndefined();
  taken.close();
  const running = await start(prepared, { maxConnections: 20, port }, performance.now() + 10_000);
  expect(running?.port).toBe(port);
  await shutDown(prepared.layout, running?.pid ?? 0);
});

test.runIf(isRoot)('a database that root copied back is given to the user PostgreSQL runs as', async () => {
  const [from, dataDir] = [join(folder, 'initdb'), join(folder, 'restored')];
  cpSync(from, dataDir, { recursive: true });
  expect(statSync(layoutOf(dataDir).data).uid).toBe(0);
  const notices: string[] = [];
  const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 20, onNotice: (text) => notices.push(text) });
  expect(notices.join()).toMatch(/belonged to root/);
  await postgres.stop();
});

const ordinary = describe.runIf(isRoot && canUse(NOBODY, import.meta.filename) && canUse(NOBODY, process.execPath));
ordinary('as an ordinary user', () => {
  test('PostgreSQL runs as that user', async () => {
    const dataDir = join(folder, 'ordinary', 'data');
    mkdirSync(join(dataDir, '..'), { mode: 0o777 });
    chmodSync(join(dataDir, '..'), 0o777);
    const server = await runChild({ dataDir, postgres: true, claim: '127.0.0.1:1', uid: NOBODY.uid });
    expect(server.answer).toMatchObject({ adopted: false });
    expect(statSync(layoutOf(dataDir).pidFile).uid).toBe(NOBODY.uid);
    await stopLeftBehind(dataDir);
  });

  test('root goes on with the database of an ordinary user as that user', async () => {
    const dataDir = join(folder, 'ordinary', 'data');
    const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 20 });
    expect(statSync(layoutOf(dataDir).pidFile).uid).toBe(NOBODY.uid);
    await postgres.stop();
  });

  test('a data directory that may not be written is refused by name', async () => {
    mkdirSync(join(folder, 'closed'), { mode: 0o755 });
    const dataDir = join(folder, 'closed', 'data');
    for (const plan of [{ claim: '127.0.0.1:1' }, { postgres: true }]) {
      const { answer } = await runChild({ dataDir, uid: NOBODY.uid, ...plan });
      expect(answer).toMatchObject({ code: 'no_permission' });
      expect(answer.message).toContain(dataDir);
    }
  });

  test('the database that a server made as root is refused with both ways out', async () => {
    const dataDir = join(folder, 'initdb');
    chmodSync(dataDir, 0o755);
    const { answer } = await runChild({ dataDir, postgres: true, uid: NOBODY.uid });
    expect(answer).toMatchObject({ code: 'no_permission' });
    expect(answer.message).toMatch(/belongs to another user .* as root too, or .* chown -R 65534/);
  });
});
