import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canUse } from '../../src/server/database/embedded/os-user.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { administer } from '../support/postgres-server.ts';
import { cleanEnvironment, PROGRAM, runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';

const NOWHERE = '127.0.0.1:1';
const NOBODY = { uid: 65_534, gid: 65_534, name: 'nobody' };
const isRoot = process.getuid?.() === 0;

describe('a start that cannot succeed says why', () => {
  let database: TestDatabase;
  const started: ServerProcess[] = [];
  /** Starts a server on the test database and returns what it said when it gave up. */
  const failingStart = async (settings: NodeJS.ProcessEnv, dataDir?: string) => {
    const server = new ServerProcess({ DATABASE_URL: database.url, ...settings }, dataDir);
    started.push(server);
    expect(await server.exit()).toBe(1);
    // What could be expected is said in a sentence; a stack is for faults of ours.
    expect(server.output).not.toMatch(/"err"|"stack"|^ +at /m);
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

  it.each([`http://:hunter2@${NOWHERE}`, NOWHERE, 'redis://'])('%s is no address of Redis', async (url) => {
    const said = await failingStart({ REDIS_URL: url });
    expect(said).toMatch(/REDIS_URL .*redis:\/\//);
    expect(said).not.toContain('hunter2');
  });

  it('the data directory is a file, or where no folder can be', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const below = join(file, 'a', 'b');
    for (const [dataDir, why] of [
      [file, 'it is a file'],
      [below, `${file} is a file`],
      ...(process.platform === 'linux'
        ? [
            ['/proc/memory-hub/data', '/proc/memory-hub cannot be made (ENOENT)'],
            ['/proc', 'no file can be made in it (ENOENT)'],
          ]
        : []),
    ] as const) {
      const { code, stdout } = await runCommand(['serve'], {
        env: { DATABASE_URL: database.url, MEMORYHUB_DATA_DIR: dataDir },
      });
      expect(code).toBe(1);
      expect(stdout).toContain(`The data directory ${dataDir} cannot be used: ${why}. Set MEMORYHUB_DATA_DIR`);
    }
    rmSync(folder, { recursive: true });
  });

  it('the log file cannot be written', async () => {
    const folder = temporaryFolder();
    for (const [file, why] of [
      [folder, 'it is a folder'],
      [join(folder, 'file', 'hub.log'), 'what should be its folder is a file'],
    ] as const) {
      writeFileSync(join(folder, 'file'), '');
      const said = await failingStart({ MEMORYHUB_LOG_FILE: file });
      expect(said.trim()).toBe(`MEMORYHUB_LOG_FILE is "${file}", which cannot be written: ${why}.`);
    }
    rmSync(folder, { recursive: true });
  });

  it('a worker cannot start', async () => {
    const file = join(import.meta.dirname, 'no-such-rules.yaml');
    const said = await failingStart({ MEMORYHUB_WORKERS: '2', MEMORYHUB_ALERTS_FILE: file });
    expect(said).toContain(`the alert rules ${file} cannot be used: there is no such file`);
  });

  it('once, where standard output is no terminal', async () => {
    const said = await failingStart({ DATABASE_URL: `postgres://someone@${NOWHERE}/hub` });
    expect(said.split('cannot connect to PostgreSQL')).toHaveLength(2);
    expect(
      said
        .trim()
        .split('\n')
        .every((line) => line.startsWith('{')),
    ).toBe(true);
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
  let database: TestDatabase;
  let server: ServerProcess;
  let address: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    server = new ServerProcess({ DATABASE_URL: database.url });
    address = await server.address();
  });
  afterAll(async () => {
    await server.cleanUp();
    await database.drop();
    rmSync(empty, { recursive: true, force: true });
  });

  it('there is no server', async () => {
    const { code, stderr } = await runCommand(['list'], {
      env: { MEMORYHUB_DATA_DIR: empty, MEMORYHUB_ADDRESS: NOWHERE },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot reach a server at ${NOWHERE}: connection refused`);
    expect(stderr).toContain('npm start');
  });

  it('the address is none, or something else answers there', async () => {
    const list = async (given: string) => {
      const { code, stderr } = await runCommand(['list', '--address', given], { env: { MEMORYHUB_DATA_DIR: empty } });
      expect(code).toBe(1);
      return stderr;
    };
    expect(await list('hub')).toBe('--address is "hub": it must be HOST:PORT, or https://HOST:PORT for TLS.\n');
    expect(await list(`https://${address}`)).toBe(
      `cannot reach a server at ${address}: what answers there does not speak TLS.\n`,
    );
    const { host } = new URL(database.url);
    expect(await list(host)).toBe(`cannot reach a server at ${host}: what answers there is no gRPC server.\n`);
  });

  it('what it is to save or write cannot be', async () => {
    const env = { MEMORYHUB_DATA_DIR: server.dataDir };
    const said = async (args: readonly string[], input?: Uint8Array) => {
      const { code, stdout, stderr } = await runCommand(args, { env, ...(input && { input }) });
      expect({ args, stdout }).toEqual({ args, stdout: '' });
      return [code, stderr.trim()];
    };
    expect(await said(['save', '-'], Buffer.from([0x61, 0xff]))).toEqual([1, 'standard input is not UTF-8']);
    expect(await said(['settings', 'set', 'a'], Buffer.from([0xc3]))).toEqual([1, 'standard input is not UTF-8']);
    expect(await said(['save', '-'], Buffer.alloc(5 << 20, 'x'))).toEqual([
      1,
      'standard input is larger than 4 MiB, and no request may be',
    ]);
    expect(await said(['save', 'x', '--key', ''])).toEqual([2, '--key is empty; without it the memory has none']);
    expect(await said(['export', '--out', ''])).toEqual([2, '--out is empty: it must be the name of a file']);
    const out = join(empty, 'no-such-folder', 'a.key');
    expect(await said(['keys', 'create', 'a', '--role', 'reader', '--out', out])).toEqual([
      1,
      `cannot make the file ${out}: its folder is not there`,
    ]);
    const record = join(empty, 'no-such-folder', 'a.rec');
    const [code, text] = await said(['monitor', '--once', '--record', record]);
    expect(code).toBe(1);
    expect(text).toContain(`cannot record to ${record}: ENOENT`);
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

  it('the key is another server’s, or was revoked', async () => {
    const file = join(empty, 'unknown.key');
    writeFileSync(file, `mh_abcdefghijklmnop_${'x'.repeat(43)}\n`);
    const env = { MEMORYHUB_DATA_DIR: empty, MEMORYHUB_ADDRESS: address };
    const { code, stderr } = await runCommand(['list', '--key-file', file], { env });
    expect(code).toBe(1);
    expect(stderr).toContain(`(the key is from ${file})`);
    expect(stderr).not.toMatch(/mh_|xxx/);
    const monitor = await runCommand(['monitor', '--once', '--key-file', file], { env });
    expect(monitor.code).toBe(1);
    expect(monitor.stderr).toContain('The server does not know this key, or it was revoked.');
  });

  it.skipIf(isRoot && !(canUse(NOBODY, PROGRAM) && canUse(NOBODY, process.execPath)))(
    'the key is one this user may not read',
    async () => {
      const file = join(empty, 'closed.key');
      writeFileSync(file, `${server.credential()}\n`, { mode: 0o000 });
      const { status, stderr } = spawnSync(process.execPath, [PROGRAM, 'list', '--key-file', file], {
        encoding: 'utf8',
        env: cleanEnvironment({ MEMORYHUB_ADDRESS: address }),
        ...(isRoot && { uid: NOBODY.uid, gid: NOBODY.gid }),
      });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: `cannot read the key file ${file}: it is not readable for this user\n`,
      });
    },
  );

  it('there is no key', async () => {
    const { code, stderr } = await runCommand(['list'], {
      env: { MEMORYHUB_DATA_DIR: empty, MEMORYHUB_ADDRESS: address },
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`the server at ${address} asks for an API key, and there is none`);
    expect(stderr).toContain(`${join(empty, 'admin.key')} is not there`);
  });

  it('the key in the environment is none; and a line end behind it does not matter', async () => {
    const call = (MEMORYHUB_API_KEY: string) =>
      runCommand(['list'], { env: { MEMORYHUB_DATA_DIR: empty, MEMORYHUB_ADDRESS: address, MEMORYHUB_API_KEY } });
    const key = server.credential();
    for (const broken of [`${key}\n${key}`, `${key} x`, `${key}\u00e9`, 'Bearer hunter2']) {
      const { code, stdout, stderr } = await call(broken);
      expect(code).toBe(1);
      expect(stderr).toContain('MEMORYHUB_API_KEY holds no API key');
      expect(stdout + stderr).not.toMatch(/mh_|hunter2/);
    }
    expect(await call(`${key}\r\n`)).toMatchObject({ code: 0, stderr: 'No memories.\n' });
  });

  it('the command line itself is wrong', async () => {
    for (const [args, why] of [
      [['list', '--limit', '1.5'], '--limit "1.5" must be a whole number from 0 to 1000000000'],
      [['list', '--limit', '-1'], '--limit "-1" must be'],
      [['list', '--limit', ''], '--limit'],
      [['history', 'x', '--limit', 'all'], '--limit "all" must be'],
      [['save', 'x', '--ttl', 'abc'], '--ttl "abc" must be a whole number from 1 to'],
      [['save', 'x', '--ttl', '0'], '--ttl "0" must be'],
      [['import', 'x', '--map', 'content={text'], 'has a brace without its partner'],
      [['import', 'x', '--map', 'content={}'], 'has a brace without its partner'],
      [['list', '--colour'], 'colour'],
      [['list', 'a', 'b'], 'b'],
    ] as const) {
      const { code, stdout, stderr } = await runCommand(args, { env: { MEMORYHUB_DATA_DIR: empty } });
      expect({ args, code, stdout, stderr }).toMatchObject({ code: 2, stdout: '' });
      expect(stderr).toContain(why);
      expect(stderr).not.toMatch(/^ +at /m);
    }
    expect(await runCommand(['lst'])).toMatchObject({ code: 2 });
    expect(await runCommand(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect((await runCommand(['get'])).stderr).toContain('give an id or --key');
    expect((await runCommand(['save', 'x', '--metadata', '[1]'])).stderr).toContain('--metadata must be a JSON object');
  });
});
