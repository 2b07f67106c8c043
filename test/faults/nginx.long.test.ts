import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findNginx, type Nginx, startNginx } from '../../load/nginx.ts';
import { ExportFormat } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { isSound } from './support/judge.ts';

const CALLERS = 8;
const ROUNDS = 3;
const program = findNginx();

/** Two servers behind nginx as deploy/nginx.conf has it; skipped without nginx, but not in CI. */
describe.skipIf(program === undefined && process.env.CI === undefined)('two servers behind nginx', () => {
  const cluster = testCluster({ servers: 2, redis: true, settings: { MEMORYHUB_DRAIN_SECONDS: '5' } });
  let nginx: Nginx;
  const hubs: MemoryHub[] = [];
  const connect = () => {
    const hub = new MemoryHub({
      address: nginx.address,
      credential: cluster.server(0).credential('admin'),
      channel: { 'grpc.use_local_subchannel_pool': 1 },
    });
    hubs.push(hub);
    return hub;
  };
  const connectPlainly = () => {
    const hub = plainHub(nginx.address, cluster.server(0).credential('admin'));
    hubs.push(hub);
    return hub;
  };
  beforeAll(async () => {
    nginx = await startNginx(program ?? '', cluster.addresses);
  });
  afterAll(async () => {
    for (const hub of hubs) hub.close();
    await nginx?.stop();
  });

  it('answer calls of every kind: errors with their details, the largest batch, lists and exports', async () => {
    const hub = connect();
    const content = 'x'.repeat(3_500);
    const memories = Array.from({ length: 1000 }, () => ({ content }));
    expect((await hub.memories.batchSaveMemories({ memories })).memories).toHaveLength(1000);
    let listed = 0;
    for await (const page of hub.memories.listMemories({ limit: 0 })) listed += page.memories.length;
    expect(listed).toBe(1000);
    let exported = 0n;
    for await (const { event } of hub.memories.exportMemories({ format: ExportFormat.JSONL })) {
      if (event?.$case === 'trailer') exported = event.value.count;
    }
    expect(exported).toBe(1000n);
    const nothing = hub.memories.getMemory({ target: { $case: 'key', value: { key: 'nothing' } } });
    await expect(nothing).rejects.toMatchObject({ reason: 'MEMORY_NOT_FOUND' });
  });

  it('are both called, and one reads what the other saved', async () => {
    const writer = connect();
    const reader = connect();
    for (let i = 0; i < 40; i++) {
      await writer.memories.saveMemory({ memory: { key: 'shared', content: `write ${i}` } });
      const { content } = await reader.memories.getMemory({ target: { $case: 'key', value: { key: 'shared' } } });
      expect(content).toBe(`write ${i}`);
    }
    for (const index of [0, 1]) {
      const own = new MemoryHub({
        address: cluster.address(index),
        credential: cluster.server(index).credential('operator'),
      });
      const { totals } = await own.stats.getStats({});
      const calls = totals?.methods
        .filter(({ method }) => /(Save|Get)Memory$/.test(method))
        .reduce((sum, { completed }) => sum + Number(completed), 0);
      expect(calls).toBeGreaterThan(20);
      own.close();
    }
  });

  it('are restarted one after the other under load without one failed call, also of callers who repeat nothing, and nothing is saved twice', async () => {
    const failures: string[] = [];
    const saved = new Set<string>();
    let stopped = false;
    const callers = Array.from({ length: CALLERS }, async (_, caller) => {
      const hub = caller % 2 === 0 ? connect() : connectPlainly();
      for (let count = 0; !stopped; count++) {
        const content = `caller ${caller} save ${count}`;
        try {
          const { id } = await hub.memories.saveMemory({ memory: { content } });
          saved.add(content);
          const read = await hub.memories.getMemory({ target: { $case: 'id', value: id } });
          expect(read.content).toBe(content);
        } catch (error) {
          const { codeName, reason, message } = toRpcError(error);
          failures.push(`${codeName} ${reason}: ${message}`);
        }
        await sleep(2);
      }
    });
    for (let round = 0; round < ROUNDS; round++) {
      for (const index of [0, 1]) {
        await sleep(500);
        const before = saved.size;
        expect(await cluster.server(index).stop('SIGTERM')).toBe(0);
        // The other one serves meanwhile.
        await expect.poll(() => saved.size, { timeout: 10_000 }).toBeGreaterThan(before + CALLERS);
        await cluster.restart(index);
      }
    }
    stopped = true;
    await Promise.all(callers);
    if (failures.length > 0) console.log(nginx.output());
    expect(failures).toEqual([]);
    const { rows } = await cluster.database((client) =>
      client.query<{ count: string }>(
        "SELECT count(*) FROM memory_revisions WHERE content LIKE 'caller %' GROUP BY content",
      ),
    );
    expect(rows.filter(({ count }) => count !== '1')).toEqual([]);
    expect(rows).toHaveLength(saved.size);
    for (const server of cluster.servers) isSound(server);
  });

  it('are UNAVAILABLE when both are gone, in the words of gRPC for clients of all languages', async () => {
    for (const server of cluster.servers) await server.stop('SIGTERM');
    const session = connectHttp2(`http://${nginx.address}`);
    const request = session.request({
      ':method': 'POST',
      ':path': '/memoryhub.v1.MemoryService/GetMemory',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    request.end();
    const [headers] = await once(request, 'response');
    // Without this type a client in Go looks no further, and tells of UNKNOWN.
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' });
    session.destroy();
  });
});
