import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { type RpcError, toRpcError } from '../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { isSound, recovers } from './support/judge.ts';

/** How a call failed; undefined when it did not. */
const endOf = (call: Promise<unknown>): Promise<RpcError | undefined> =>
  call.then(
    () => undefined,
    (error) => toRpcError(error),
  );

describe('more than the database can take', () => {
  const cluster = testCluster({ servers: 1, settings: { MEMORYHUB_POOL_SIZE: '3', MEMORYHUB_POOL_OVERFLOW: '0' } });
  let hub: MemoryHub;
  let credential = '';
  beforeAll(() => {
    credential = cluster.server(0).credential('admin');
    hub = plainHub(cluster.address(0), credential);
  });
  afterAll(() => hub?.close());

  it('F17: with every connection in use, calls are told so at once, and statistics still answer', async () => {
    const stranger = plainHub(cluster.address(0), await cluster.newKey({ role: Role.MONITOR }));
    await cluster.operator.stats.getStats({});
    await cluster.database(async (client) => {
      // Whoever lists memories now waits for the lock, and keeps his connection.
      await client.query('BEGIN; LOCK TABLE memories IN ACCESS EXCLUSIVE MODE');
      const lists = Array.from({ length: 40 }, () =>
        endOf(first(hub.memories.listMemories({}, { deadlineMs: 4_000 }))),
      );
      // The first that is turned away: no connection is left.
      await Promise.race(lists);
      const begun = performance.now();
      const unknown = await endOf(stranger.stats.getStats({}, { deadlineMs: 3_500 }));
      expect(unknown?.reason).toBe('OVERLOADED');
      expect(unknown?.details.map(({ typeUrl }) => typeUrl)).toContain('type.googleapis.com/google.rpc.RetryInfo');
      // 100 ms are promised; seconds would be a wait of another kind.
      expect(performance.now() - begun).toBeLessThan(2_000);
      expect((await cluster.operator.stats.getStats({})).totals?.postgres).toMatchObject({ poolMax: 3 });
      const ends = (await Promise.all(lists)).map((error) => `${error?.codeName}/${error?.reason}`);
      const shed = ends.filter((end) => end === 'RESOURCE_EXHAUSTED/OVERLOADED').length;
      const expired = ends.filter((end) => end.startsWith('DEADLINE_EXCEEDED/')).length;
      expect([shed + expired, shed >= 30]).toEqual([40, true]);
      await client.query('ROLLBACK');
    });
    stranger.close();
    await recovers(cluster, credential);
    isSound(cluster.server(0));
  });

  it('F25: a write whose deadline passes while it waits is not carried out afterwards', async () => {
    const values = Array.from({ length: 20 }, (_, index) => `too late ${index}`);
    await cluster.database(async (client) => {
      // One batch gets as far as the lock; those behind it have not been sent when their time is over.
      await client.query('BEGIN; LOCK TABLE workspace_heads IN ACCESS EXCLUSIVE MODE');
      const blocked = hub.memories.saveMemory({ memory: { content: 'first' } }, { deadlineMs: 10_000 });
      await new Promise((resolve) => setTimeout(resolve, 200));
      const late = values.map((content) =>
        endOf(hub.memories.saveMemory({ memory: { content } }, { deadlineMs: 300 })),
      );
      for (const end of await Promise.all(late)) expect(end?.codeName).toBe('DEADLINE_EXCEEDED');
      await client.query('ROLLBACK');
      await blocked;
    });
    await recovers(cluster, credential);
    const { rows } = await cluster.database((client) =>
      client.query('SELECT content FROM memory_revisions WHERE content = ANY($1)', [values]),
    );
    expect(rows).toEqual([]);
    isSound(cluster.server(0));
  });

  it.each([0, 1])('F25: a deadline of %i ms ends as such, and nothing is written', async (deadlineMs) => {
    const content = `deadline of ${deadlineMs} ms`;
    const calls = Array.from({ length: 50 }, () =>
      hub.memories.saveMemory({ memory: { content } }, { deadlineMs }).then(
        () => 'OK',
        (error) => toRpcError(error).codeName,
      ),
    );
    const ends = await Promise.all(calls);
    expect(ends.filter((end) => end !== 'OK' && end !== 'DEADLINE_EXCEEDED')).toEqual([]);
    if (deadlineMs === 0) expect(ends).not.toContain('OK');
    await recovers(cluster, credential);
    const { rows } = await cluster.database((client) =>
      client.query<{ count: number }>('SELECT count(*)::int FROM memory_revisions WHERE content = $1', [content]),
    );
    // What was answered is there; a deadline may pass on the way back, but never before the work.
    expect(rows[0]?.count).toBeGreaterThanOrEqual(ends.filter((end) => end === 'OK').length);
    if (deadlineMs === 0) expect(rows[0]?.count).toBe(0);
    isSound(cluster.server(0));
  });
});

async function first<T>(stream: AsyncIterable<T>): Promise<T | undefined> {
  for await (const message of stream) return message;
  return undefined;
}
