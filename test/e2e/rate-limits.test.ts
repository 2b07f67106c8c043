import { expect, it } from 'vitest';
import { RpcError } from '../../src/shared/rpc-error.ts';
import { plainHub, testCluster } from '../faults/support/cluster.ts';
import { redisSuite } from '../support/redis.ts';

const LIMIT = 40;
const CALLS = 300;

redisSuite('two servers on one Redis', () => {
  const cluster = testCluster({ servers: 2, redis: true, settings: { MEMORYHUB_RATE_LIMIT_KEY: `${LIMIT}` } });

  it('count the calls of a key together, and say when there are more', async () => {
    const credential = cluster.server(0).credential('admin');
    const hubs = cluster.addresses.map((address) => plainHub(address, credential));
    const startedAt = Date.now();
    const refusals: RpcError[] = [];
    const served = [0, 0];
    await Promise.all(
      Array.from({ length: CALLS }, async (_, i) => {
        try {
          await hubs[i % 2]?.memories.listStorages({});
          served[i % 2] = (served[i % 2] ?? 0) + 1;
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          refusals.push(error);
        }
      }),
    );
    // Every second that was begun meanwhile has its own count.
    const seconds = Math.floor((Date.now() - startedAt) / 1000) + 2;
    const all = served.reduce((sum, count) => sum + count, 0);
    expect(all).toBeLessThanOrEqual(LIMIT * seconds);
    expect(Math.min(...served)).toBeGreaterThan(0);
    expect(refusals).toHaveLength(CALLS - all);
    expect(new Set(refusals.map(({ codeName, reason }) => `${codeName} ${reason}`))).toEqual(
      new Set(['RESOURCE_EXHAUSTED RATE_LIMITED']),
    );
    // Statistics are never refused.
    const operator = plainHub(cluster.address(0), cluster.server(0).credential('operator'));
    const { totals } = await operator.stats.getStats({});
    expect(totals?.shed.find(({ reason }) => reason === 'RATE_LIMITED')?.count).toBeGreaterThan(0n);
    for (const hub of [...hubs, operator]) hub.close();
  });
});
