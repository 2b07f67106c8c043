import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isAlive } from '../../src/server/database/embedded/processes.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { cleanEnvironment, runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PROGRAM = join(ROOT, 'src', 'cli', 'memory-hub.js');
/** Makes a Node.js say that it is 18.20. */
const OLD =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.0"}})';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a Node.js that is too old is told so when no other one was installed', () => {
  mkdirSync(join(folder, 'src', 'cli'), { recursive: true });
  const program = join(folder, 'src', 'cli', 'memory-hub.js');
  copyFileSync(PROGRAM, program);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const { status, stderr } = spawnSync(process.execPath, ['--import', OLD, program, 'list'], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain('Node.js 18.20.0 is too old: Memory Hub needs 22.20, 24.7 or newer.');
  expect(stderr).toContain('npm install');
});

describe('a server started by a Node.js that is too old, which hands over to the bundled one', () => {
  /** Another file than the bundled one, as a host's Node.js is. */
  const hostNode = join(folder, 'node');
  let database: TestDatabase;
  const servers: ServerProcess[] = [];
  const start = async (dataDir?: string) => {
    const server = new ServerProcess({ DATABASE_URL: database.url }, dataDir, (settings) =>
      spawn(hostNode, ['--import', OLD, PROGRAM, 'serve'], {
        cwd: ROOT,
        env: cleanEnvironment(settings),
        stdio: ['ignore', 'pipe', 'pipe'],
        // A process group of its own, as a shell gives to what it starts: Ctrl-C reaches all of it.
        detached: true,
      }),
    );
    servers.push(server);
    await server.address();
    return server;
  };
  const status = async (server: ServerProcess) => {
    const { stdout } = await runCommand(['status', '--json'], { env: { MEMORYHUB_DATA_DIR: server.dataDir } });
    return JSON.parse(stdout) as { server?: { pid: number } };
  };
  const pidOf = ({ pid }: ChildProcess) => pid ?? 0;

  beforeAll(async () => {
    copyFileSync(realpathSync(process.execPath), hostNode);
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.cleanUp()));
    await database.drop();
  });

  it('drains on Ctrl-C, which the whole process group gets, and ends with code 0', async () => {
    const server = await start();
    const { server: inner } = await status(server);
    expect(inner?.pid).not.toBe(pidOf(server.child));
    process.kill(-pidOf(server.child), 'SIGINT');
    expect(await server.exit()).toBe(0);
    expect(server.output).toContain('SIGINT: finishing what is under way');
    expect(await status(server)).not.toHaveProperty('server');
  });

  it('drains also when the process that hands over gets the signal alone', async () => {
    const server = await start();
    server.child.kill('SIGINT');
    expect(await server.exit()).toBe(0);
    expect(server.output).toContain('SIGINT: finishing what is under way');
    expect(await status(server)).not.toHaveProperty('server');
  });

  it('drains and gives the data directory back when what started it is killed', async () => {
    const server = await start();
    const inner = (await status(server)).server?.pid ?? 0;
    expect(inner).toBeGreaterThan(0);
    server.child.kill('SIGKILL');
    await server.exit();
    await expect.poll(async () => (await status(server)).server, { timeout: 15_000 }).toBeUndefined();
    await expect.poll(() => server.output).toContain('the process that started it is gone: finishing');
    // Where nobody reaps orphans its remains stay.
    await expect.poll(() => isAlive(inner)).toBe(false);
    const next = await start(server.dataDir);
    expect(await next.stop()).toBe(0);
  });
});
