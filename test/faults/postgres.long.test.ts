import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { judge, recovers } from './support/judge.ts';
import { freeze } from './support/processes.ts';
import { recordingClients } from './support/recorded.ts';

const AWAY = [
  'UNAVAILABLE/DATABASE_UNAVAILABLE',
  'UNAVAILABLE/COMMIT_UNKNOWN',
  'DEADLINE_EXCEEDED/DEADLINE_EXCEEDED',
  // The client's own clock was the faster one.
  'DEADLINE_EXCEEDED/',
  'RESOURCE_EXHAUSTED/OVERLOADED',
];
const STALENESS = { readYourWritesMs: 0 };

describe('two servers whose PostgreSQL fails them', () => {
  const cluster = testCluster({ ownPostgres: true, redis: true });
  let credential = '';
  beforeAll(() => {
    credential = cluster.server(0).credential('admin');
  });

  /** Waits until PostgreSQL runs under another pid. */
  async function anotherPid(pid: number): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (cluster.postgres.pid === pid) {
      if (performance.now() > deadline) throw new Error('PostgreSQL was not started again');
      await sleep(20);
    }
  }

  it('F1: lose nothing acknowledged and double nothing when it is killed in mid-write', async () => {
    const clients = await recordingClients(cluster);
    clients.start();
    await clients.acknowledged(200);
    const { pid } = cluster.postgres;
    process.kill(pid, 'SIGKILL');
    await anotherPid(pid);
    await recovers(cluster, credential);
    await clients.acknowledged(200);
    const history = await judge(cluster, clients, { failures: AWAY, ...STALENESS });
    expect(history.failures.length).toBeGreaterThan(0);
  });

  it('F2: nor when it is killed again and again', async () => {
    const clients = await recordingClients(cluster);
    clients.start();
    for (let times = 0; times < 4; times++) {
      await clients.acknowledged(60);
      const { pid } = cluster.postgres;
      process.kill(pid, times % 2 ? 'SIGKILL' : 'SIGINT');
      await anotherPid(pid);
    }
    await recovers(cluster, credential);
    await clients.acknowledged(100);
    await judge(cluster, clients, { failures: AWAY, ...STALENESS });
  });

  it('F3: obey deadlines while it answers nothing, and throw its connections away', async () => {
    const clients = await recordingClients(cluster, 500);
    clients.start();
    await clients.acknowledged(100);
    const thaw = freeze(cluster.postgres.pid);
    try {
      // A call alone, on a connection of its own: what it waits is the server's doing.
      const hub = plainHub(cluster.address(0), credential);
      const waits = Array.from({ length: 8 }, async (_, index) => {
        const deadlineMs = 200 + 100 * index;
        const begun = performance.now();
        const error = toRpcError(
          await hub.memories.saveMemory({ memory: { content: 'x' } }, { deadlineMs }).catch((thrown) => thrown),
        );
        expect(AWAY).toContain(`${error.codeName}/${error.reason}`);
        return performance.now() - begun - deadlineMs;
      });
      // 100 ms are promised; more would be the machine's, a forgotten deadline would be seconds.
      expect(Math.max(...(await Promise.all(waits)))).toBeLessThan(1_000);
      hub.close();
      await sleep(4_000);
    } finally {
      thaw();
    }
    await recovers(cluster, credential);
    await clients.acknowledged(100);
    await judge(cluster, clients, { failures: AWAY, ...STALENESS });
  });
});
