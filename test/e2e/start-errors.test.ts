import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { administer } from '../support/postgres-server.ts';
import { runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';

const NOWHERE = '127.0.0.1:1';

describe('a start that cannot succeed says why', () => {
  let database: TestDatabase;
  const started: ServerProcess[] = [];
  /** Starts a server on the test database and returns what it said when it gave up. */
  const failingStart = async (settings: NodeJS.ProcessEnv, dataDir?: string) => {
    const server = new ServerProcess({ DATABASE_URL: database.url, ...settings }, dataDir);
    started.push(server);
    expect(await server.exit()).toBe(1);
    return server.output;
  };

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await Promise.all(started.map((server) => server.cleanUp()));
    await database.drop();
  });

  it('the port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as { port: number };
    const said = await failingStart({ MEMORYHUB_LISTEN: `127.0.0.1:${port}` });
    expect(said).toContain(`127.0.0.1:${port}`);
    expect(said).toMatch(/in use/);
    holder.close();
  });

  it('another server has the data directory', async () => {
    const first = new ServerProcess({ DATABASE_URL: database.url });
    started.push(first);
    const address = await first.address();
    const said = await failingStart({}, first.dataDir);
    expect(said).toContain(`in use by the server with pid ${first.child.pid} at ${address}`);
    expect(said).toContain('MEMORYHUB_DATA_DIR');
    await first.stop();
  });

  it('the data directory belongs to another major version of PostgreSQL', async () => {
    const dataDir = temporaryFolder();
    const first = new ServerProcess({}, dataDir);
    started.push(first);
    await first.address();
    await first.stop();
    writeFileSync(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '15\n');
    const said = await failingStart({ DATABASE_URL: '' }, dataDir);
    expect(said).toMatch(/PostgreSQL 15/);
    expect(said).toMatch(/export/);
  });

  it('the schema is newer than the program', async () => {
    const newer = await createTestDatabase();
    await administer(newer.url, "INSERT INTO schema_migrations (name) VALUES ('29990101000000_future')");
    const said = await failingStart({ DATABASE_URL: newer.url });
    expect(said).toContain('29990101000000_future');
    expect(said).toContain('newer than');
    await newer.drop();
  });

  it('Redis does not answer', async () => {
    const said = await failingStart({ REDIS_URL: `redis://:hunter2@${NOWHERE}` });
    expect(said).toContain(`Redis at redis://${NOWHERE} does not answer`);
    expect(said).not.toContain('hunter2');
  });

  it('PostgreSQL does not answer', async () => {
    const said = await failingStart({ DATABASE_URL: `postgres://someone:hunter2@${NOWHERE}/hub` });
    expect(said).toContain(NOWHERE);
    expect(said).not.toContain('hunter2');
  });

  it('a setting is wrong', async () => {
    const said = await failingStart({ MEMORYHUB_WORKERS: 'many' });
    expect(said.trim()).toBe('MEMORYHUB_WORKERS is "many": it must be a whole number from 1 to 64.');
  });
});

describe('a command that cannot reach its server says why', () => {
  const empty = temporaryFolder();
  const key = join(empty, 'some.key');
  afterAll(() => rmSync(empty, { recursive: true, force: true }));

  it('there is no server', async () => {
    const { code, stderr } = await runCommand(['list'], {
      env: { MEMORYHUB_DATA_DIR: empty, MEMORYHUB_ADDRESS: NOWHERE },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot reach a server at ${NOWHERE}: connection refused`);
    expect(stderr).toContain('npm start');
  });

  it('the key file is not there, cannot be read, or holds no key', async () => {
    const env = { MEMORYHUB_DATA_DIR: empty };
    const missing = await runCommand(['list', '--key-file', key], { env });
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toContain(`cannot read the key file ${key}: there is no such file`);
    writeFileSync(key, 'hunter2 is no key\n');
    const wrong = await runCommand(['list', '--key-file', key], { env });
    expect(wrong.stderr).toContain('holds no API key');
    expect(wrong.stderr).not.toContain('hunter2');
    mkdirSync(join(empty, 'folder'));
    chmodSync(join(empty, 'folder'), 0o700);
    expect((await runCommand(['list', '--key-file', join(empty, 'folder')], { env })).code).toBe(1);
  });

  it('the command line itself is wrong', async () => {
    expect(await runCommand(['lst'])).toMatchObject({ code: 2 });
    expect((await runCommand(['get'])).stderr).toContain('give an id or --key');
    expect((await runCommand(['save', 'x', '--metadata', '[1]'])).stderr).toContain('--metadata must be a JSON object');
  });
});

describe('a Node.js that is too old', () => {
  const OLD =
    'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.0"}})';
  const folder = temporaryFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is told so when no other one was installed', async () => {
    mkdirSync(join(folder, 'src', 'cli'), { recursive: true });
    const program = join(folder, 'src', 'cli', 'memory-hub.js');
    copyFileSync(join(import.meta.dirname, '..', '..', 'src', 'cli', 'memory-hub.js'), program);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const { status, stderr } = spawnSync(process.execPath, ['--import', OLD, program, 'list'], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('Node.js 18.20.0 is too old: Memory Hub needs 22.18 or newer.');
    expect(stderr).toContain('npm install');
  });
});
