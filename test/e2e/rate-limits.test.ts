import { expect, it } from 'vitest';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { RpcError } from '../../src/shared/rpc-error.ts';
import { plainHub, testCluster } from '../faults/support/cluster.ts';
import { redisSuite } from '../support/redis.ts';

const LIMIT = 40;
const CALLS = 300;

redisSuite('two servers on one Redis', () => {
  const cluster = testCluster({ servers: 2, redis: true, settings: { MEMORYHUB_RATE_LIMIT_KEY: `${LIMIT}` } });

  it('count the calls of a key together, and say when there are more', async () => {
    // A key that has not called yet: its first second begins with its first call.
    const credential = await cluster.newKey({ workspace: 'default', role: Role.READER });
    const hubs = cluster.addresses.map((address) => plainHub(address, credential));
    const served = [0, 0];
    const refusals: RpcError[] = [];
    const startedAt = performance.now();
    const call = async (i: number) => {
      try {
        await hubs[i]?.memories.listStorages({});
        served[i] = (served[i] ?? 0) + 1;
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        refusals.push(error);
      }
    };
    // Each once before all at once: who is connected first may take the whole of a second.
    for (const i of hubs.keys()) await call(i);
    await Promise.all(Array.from({ length: CALLS - hubs.length }, (_, i) => call(i % hubs.length)));
    const seconds = Math.floor((performance.now() - startedAt) / 1000) + 1;
    const all = served.reduce((sum, count) => sum + count, 0);
    expect(all).toBeLessThanOrEqual(LIMIT * seconds);
    expect(Math.min(...served)).toBeGreaterThan(0);
    expect(refusals).toHaveLength(CALLS - all);
    expect(new Set(refusals.map(({ codeName, reason }) => `${codeName} ${reason}`))).toEqual(
      new Set(['RESOURCE_EXHAUSTED RATE_LIMITED']),
    );
    // Statistics are never refused.
    const { totals } = await cluster.operator.stats.getStats({});
    expect(totals?.shed.find(({ reason }) => reason === 'RATE_LIMITED')?.count).toBeGreaterThan(0n);
    for (const hub of hubs) hub.close();
  });
});
