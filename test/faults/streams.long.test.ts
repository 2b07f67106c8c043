import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { isSound, recovers } from './support/judge.ts';
import { residentBytes } from './support/processes.ts';

const MIB = 1024 * 1024;
const READERS = 100;
/** What they may cost; the promise is 100, the rest is garbage not yet collected. */
const MAX_MIB = 130;
/** With 20 MB of memories saved and read a hundred times over. */
const MAX_RESIDENT_MIB = 500;
/** Some 20 MB: a hundred exports of it would be 2 GB. */
const MEMORIES = 2_000;
const CONTENT = 'x'.repeat(10_000);
const STALL_SECONDS = 10;
/** With garbage collected early, resident memory says what is needed instead of what there is. */
const SMALL_HEAP = '--max-old-space-size=128';

describe('clients that misuse streams', () => {
  const cluster = testCluster({
    servers: 1,
    settings: { MEMORYHUB_READER_STALL_SECONDS: `${STALL_SECONDS}`, NODE_OPTIONS: SMALL_HEAP },
  });
  let hub: MemoryHub;
  let credential = '';
  beforeAll(async () => {
    credential = cluster.server(0).credential('admin');
    hub = plainHub(cluster.address(0), credential);
    for (let at = 0; at < MEMORIES; at += 250) {
      const memories = Array.from({ length: 250 }, (_, index) => ({ content: `${at + index} ${CONTENT}` }));
      await hub.memories.batchSaveMemories({ memories });
    }
  });
  afterAll(() => hub?.close());

  const resident = () => residentBytes(cluster.server(0).child.pid);
  const openStreams = async () => (await cluster.operator.stats.getStats({})).totals?.connections?.streams ?? 0;

  it('F13: a hundred readers that never read cost little, hold up nobody, and are ended', async () => {
    const before = resident();
    const sessions: ClientHttp2Session[] = [];
    const ended = new Set<ClientHttp2Stream>();
    const open = async (reader: number): Promise<void> => {
      const session = connectHttp2(`http://${cluster.address(0)}`);
      session.on('error', () => {});
      sessions.push(session);
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: `/memoryhub.v1.MemoryService/${reader % 2 ? 'ExportMemories' : 'ListMemories'}`,
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: `Bearer ${credential}`,
      });
      stream.on('error', () => {});
      // Takes what the window holds, and no more: nothing is ever read from it.
      stream.pause();
      stream.end(Buffer.alloc(5));
      const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) =>
        stream.once('response', resolve).once('error', reject),
      );
      // Too many at once: another try.
      if (headers['grpc-status'] !== undefined) return open(reader);
      stream.once('aborted', () => ended.add(stream)).once('close', () => ended.add(stream));
    };
    for (let reader = 0; reader < READERS; reader += 10) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => open(reader + index)));
    }
    // On a slow machine the first ones are ended before the last are there.
    expect(ended.size).toBeLessThan(READERS / 2);
    let most = 0;
    const until = performance.now() + 1_500;
    while (performance.now() < until) {
      most = Math.max(most, resident());
      const { id } = await hub.memories.saveMemory({ memory: { content: 'beside them' } }, { deadlineMs: 5_000 });
      await hub.memories.getMemory({ target: { $case: 'id', value: id } }, { deadlineMs: 5_000 });
    }
    await expect.poll(openStreams, { timeout: 20_000 }).toBe(0);
    await expect.poll(() => ended.size, { timeout: 15_000 }).toBe(READERS);
    console.info(`resident: ${before / MIB} MiB before, ${most / MIB} at most`);
    expect(most - before).toBeLessThan(MAX_MIB * MIB);
    for (const session of sessions) session.destroy();
    await recovers(cluster, credential);
    isSound(cluster.server(0), MAX_RESIDENT_MIB * MIB);
  });

  it('F14: a thousand calls that are cancelled leave no query, connection or stream behind', async () => {
    // Node's HTTP/2 closes a connection on which more than a thousand calls are reset at once.
    const hubs = Array.from({ length: 8 }, () => plainHub(cluster.address(0), credential));
    const cancelled = Array.from({ length: 1_000 }, async (_, index) => {
      const hub = hubs[index % hubs.length] as MemoryHub;
      const kind = (index >> 3) % 4;
      await sleep(index % 500);
      const canceller = new AbortController();
      const { signal } = canceller;
      setTimeout(() => canceller.abort(), index % 25);
      try {
        if (kind === 0) await hub.memories.saveMemory({ memory: { content: `cancelled ${index}` } }, { signal });
        else if (kind === 1) await hub.memories.getStorageInfo({}, { signal });
        else {
          const filter = 'content:"nowhere to be found" OR metadata.a = 1';
          const stream =
            kind === 2
              ? hub.memories.listMemories({ filter }, { signal })
              : hub.memories.exportMemories({ filter }, { signal });
          for await (const _message of stream);
        }
        return 'OK';
      } catch (error) {
        return toRpcError(error).codeName;
      }
    });
    const ends = Object.groupBy(await Promise.all(cancelled), (code) => code);
    console.info(
      Object.entries(ends)
        .map(([code, list]) => `${list?.length} ${code}`)
        .join(', '),
    );
    expect(Object.keys(ends).filter((code) => !['OK', 'CANCELLED', 'RESOURCE_EXHAUSTED'].includes(code))).toEqual([]);
    expect(ends.CANCELLED?.length).toBeGreaterThan(300);
    for (const each of hubs) each.close();

    await expect.poll(openStreams, { timeout: 5_000 }).toBe(0);
    const running = () =>
      cluster.database(async (client) => {
        const { rows } = await client.query<{ query: string }>(
          `SELECT left(query, 80) query FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
              AND application_name LIKE 'memory-hub%' AND now() - query_start > interval '200 ms'`,
        );
        return rows;
      });
    await expect.poll(running, { timeout: 5_000 }).toEqual([]);
    await expect
      .poll(async () => (await cluster.operator.stats.getStats({})).totals?.postgres?.poolWaiting, { timeout: 5_000 })
      .toBe(0);
    await recovers(cluster, credential);
    isSound(cluster.server(0), MAX_RESIDENT_MIB * MIB);
  });
});
