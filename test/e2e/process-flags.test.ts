import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerFlags } from '../../src/server/workers/parent.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';

/** What Linux says a process was started with. */
const startedWith = (pid: number, what: 'cmdline' | 'environ') =>
  readFileSync(`/proc/${pid}/${what}`, 'utf8').split('\0');
const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

describe.runIf(process.platform === 'linux')('the processes of a server', () => {
  let database: TestDatabase;
  const servers: ServerProcess[] = [];
  const start = async (settings: NodeJS.ProcessEnv) => {
    const server = new ServerProcess({ DATABASE_URL: database.url, ...settings });
    servers.push(server);
    await server.address();
    return server.child.pid ?? 0;
  };
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.cleanUp()));
    await database.drop();
  });

  it('have one arena of malloc, and a young generation for what each of them does', async () => {
    const alone = await start({});
    expect(startedWith(alone, 'cmdline')).toContain('--max-semi-space-size=16');
    const parent = await start({ MEMORYHUB_WORKERS: '2' });
    expect(startedWith(parent, 'cmdline')).toEqual(
      expect.arrayContaining(['--max-semi-space-size=1', '--no-turbofan']),
    );
    const workers = childrenOf(parent);
    expect(workers).toHaveLength(2);
    for (const worker of workers) {
      // Of flags that contradict each other the last one counts.
      const flags = startedWith(worker, 'cmdline').filter((flag) => /semi-space|turbofan|maglev/.test(flag));
      expect(flags.slice(-3)).toEqual(['--max-semi-space-size=8', '--turbofan', '--maglev']);
    }
    for (const pid of [alone, parent, ...workers]) expect(startedWith(pid, 'environ')).toContain('MALLOC_ARENA_MAX=1');
  });

  it.each([
    [2, 8],
    [3, 4],
    [4, 2],
    [64, 2],
  ])('share among %i workers what is fast in one: %i MB for each', (workers, megabytes) => {
    expect(workerFlags(workers)[0]).toBe(`--max-semi-space-size=${megabytes}`);
  });

  it('keep to the size somebody gave them', async () => {
    const pid = await start({ NODE_OPTIONS: '--max-semi-space-size=8' });
    expect(startedWith(pid, 'cmdline').filter((flag) => flag.includes('semi-space'))).toEqual([]);
  });

  it('keep to the arenas somebody gave them, and have all else', async () => {
    const pid = await start({ MALLOC_ARENA_MAX: '2' });
    expect(startedWith(pid, 'cmdline')).toContain('--max-semi-space-size=16');
    const malloc = startedWith(pid, 'environ').filter((variable) => variable.startsWith('MALLOC_'));
    expect(malloc.sort()).toEqual([
      'MALLOC_ARENA_MAX=2',
      'MALLOC_MMAP_THRESHOLD_=131072',
      'MALLOC_TRIM_THRESHOLD_=131072',
    ]);
  });
});
