import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatsFrame } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess, temporaryFolder } from '../support/server-process.ts';

describe('a server of two workers', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let address: string;
  let operator: MemoryHub;

  /** A connection of its own; the cluster hands each new one to the next worker. */
  const connect = (name: 'admin' | 'operator' = 'admin') =>
    new MemoryHub({ address, credential: server.credential(name), channel: { 'grpc.use_local_subchannel_pool': 1 } });
  const totals = async (): Promise<StatsFrame> => {
    const { totals: frame } = await operator.stats.getStats({});
    if (!frame) throw new Error('no totals');
    return frame;
  };
  const workerPids = async () => (await totals()).processes.map(({ pid }) => pid).sort();

  beforeAll(async () => {
    database = await createTestDatabase();
    server = new ServerProcess({ DATABASE_URL: database.url, MEMORYHUB_WORKERS: '2' });
    address = await server.address();
    operator = connect('operator');
  });
  afterAll(async () => {
    operator?.close();
    await server.cleanUp();
    await database.drop();
  });

  it('reads from one worker what another has just saved', async () => {
    const hubs = [connect(), connect(), connect(), connect()];
    for (let i = 0; i < 40; i++) {
      const [writer, reader] = [hubs[i % 4], hubs[(i + 1) % 4]] as [MemoryHub, MemoryHub];
      await writer.memories.saveMemory({ memory: { key: 'shared', content: `write ${i}` } });
      const { content } = await reader.memories.getMemory({ target: { $case: 'key', value: { key: 'shared' } } });
      expect(content).toBe(`write ${i}`);
    }
    for (const hub of hubs) hub.close();
  });

  it('shows the calls of all workers to whoever asks one of them', async () => {
    const saves = async () =>
      Number((await totals()).methods.find(({ method }) => method.endsWith('/SaveMemory'))?.completed ?? 0);
    await expect.poll(saves, { timeout: 5000 }).toBe(40);
    expect((await totals()).processes.map(({ worker }) => worker).sort()).toEqual([1, 2]);
    expect((await totals()).replica).toMatch(new RegExp(`:${address.split(':')[1]}$`));
  });

  it('replaces a worker that is killed, and goes on serving', async () => {
    const before = await workerPids();
    const [victim] = before;
    // 0 would be our own process group.
    if (!victim) throw new Error('no worker to kill');
    process.kill(victim, 'SIGKILL');
    // These come before the parent knows of it: none is left in the hands of the dead.
    const asking = Array.from({ length: 4 }, () => connect('operator'));
    await Promise.all(asking.map((hub) => hub.stats.getStats({}, { deadlineMs: 15_000 })));
    for (const hub of asking) hub.close();
    await expect
      .poll(
        async () => {
          const hub = connect('operator');
          const pids = await hub.stats.getStats({}).then(({ totals: frame }) => frame?.processes.map(({ pid }) => pid));
          hub.close();
          return pids?.filter((pid) => !before.includes(pid)).length;
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(1);
    const hub = connect();
    await hub.memories.saveMemory({ memory: { content: 'still here' } });
    hub.close();
    // The newcomer knows what was counted before it, so that no counter of this boot ever goes back.
    for (let i = 0; i < 4; i++) {
      const asked = connect('operator');
      const { totals: frame } = await asked.stats.getStats({});
      const saves = frame?.methods.find(({ method }) => method.endsWith('/SaveMemory'));
      expect(Number(saves?.completed)).toBeGreaterThanOrEqual(40);
      asked.close();
    }
  });

  it('ends all of them on SIGTERM', async () => {
    const pids = await workerPids();
    expect(await server.stop()).toBe(0);
    await sleep(100);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

it('a client of one connection comes to all workers in time, and none of its calls notices', async () => {
  const folder = temporaryFolder();
  const database = await createTestDatabase();
  const server = new ServerProcess({
    DATABASE_URL: database.url,
    MEMORYHUB_WORKERS: '2',
    MEMORYHUB_CONNECTION_AGE_SECONDS: '1',
    MEMORYHUB_ACCESS_LOG: '1',
    MEMORYHUB_LOG_FILE: join(folder, 'log'),
  });
  const hub = new MemoryHub({
    address: await server.address(),
    credential: server.credential(),
    channel: { 'grpc.use_local_subchannel_pool': 1 },
  });
  // Each worker has a file of its own.
  const workers = () =>
    new Set(
      readdirSync(folder)
        .filter((name) => readFileSync(join(folder, name), 'utf8').includes('/ListStorages'))
        .map((name) => /worker-\d/.exec(name)?.[0]),
    );
  const deadline = Date.now() + 20_000;
  while (workers().size < 2 && Date.now() < deadline) {
    await hub.memories.listStorages({});
    await sleep(20);
  }
  expect([...workers()].sort()).toEqual(['worker-1', 'worker-2']);
  hub.close();
  await server.cleanUp();
  rmSync(folder, { recursive: true });
  await database.drop();
});
