import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { testCluster } from './support/cluster.ts';
import { isSound } from './support/judge.ts';

const RESTARTS = 3;
const CALLERS = 8;

/** F33: our client, as it is made by default, calling one address. */
describe('a server that is restarted under load', () => {
  const cluster = testCluster({ servers: 1, settings: { MEMORYHUB_DRAIN_SECONDS: '5' } });
  let credential = '';
  beforeAll(() => {
    credential = cluster.server(0).credential('admin');
  });

  it('fails no call of our client, and answers each save once', async () => {
    const failures: string[] = [];
    const saved = new Map<string, string>();
    let sent = 0;
    let stopped = false;
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      const hub = new MemoryHub({
        address: cluster.address(0),
        credential,
        channel: { 'grpc.use_local_subchannel_pool': 1 },
      });
      for (let count = 0; !stopped; count++) {
        const content = `caller ${caller} save ${count}`;
        sent += 1;
        const begun = performance.now();
        try {
          const { id } = await hub.memories.saveMemory({ memory: { content } });
          saved.set(content, id);
          const read = await hub.memories.getMemory({ target: { $case: 'id', value: id } });
          expect(read.content).toBe(content);
        } catch (error) {
          const { codeName, reason, message } = toRpcError(error);
          failures.push(`${codeName} ${reason}: ${message} after ${Math.round(performance.now() - begun)} ms`);
        }
        await sleep(2);
      }
      hub.close();
    });
    for (let times = 0; times < RESTARTS; times++) {
      await sleep(700);
      const before = saved.size;
      const begun = performance.now();
      expect(await cluster.server(0).stop('SIGTERM')).toBe(0);
      // With every caller between two calls it need not wait for any of them.
      expect(performance.now() - begun).toBeLessThan(4_500);
      await cluster.restart(0);
      const deadline = performance.now() + 10_000;
      while (saved.size < before + CALLERS && performance.now() < deadline) await sleep(20);
    }
    stopped = true;
    await Promise.all(callers);
    console.info(`${sent} saves over ${RESTARTS} restarts, ${failures.length} failed`);
    expect(failures).toEqual([]);
    const { rows } = await cluster.database((client) =>
      client.query<{ content: string; count: string }>(
        'SELECT content, count(*) FROM memory_revisions GROUP BY content',
      ),
    );
    expect(rows.filter(({ count }) => count !== '1')).toEqual([]);
    expect(rows).toHaveLength(saved.size);
    isSound(cluster.server(0));
  });
});
