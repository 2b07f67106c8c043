import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { redisSuite } from '../support/redis.ts';
import { startRedis } from '../support/redis-server.ts';
import { ServerProcess } from '../support/server-process.ts';
import { grpcReceiver, httpReceiver, type OtlpReceiver } from '../telemetry/otlp-receiver.ts';

let database: TestDatabase;
let receiver: OtlpReceiver;

beforeAll(async () => {
  [database, receiver] = await Promise.all([createTestDatabase(), httpReceiver()]);
});
afterAll(async () => {
  await receiver.close();
  await database.drop();
});

it.each([
  ['http/protobuf', httpReceiver],
  ['grpc', grpcReceiver],
])(
  'a server sends the trace of each call with what it asked, and its metrics, before it ends, by %s',
  async (OTEL_EXPORTER_OTLP_PROTOCOL, open) => {
    const receiver = await open();
    const server = new ServerProcess({
      DATABASE_URL: database.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL,
    });
    const traceId = randomBytes(16).toString('hex');
    const parentId = randomBytes(8).toString('hex');
    try {
      const hub = await server.connect();
      const { id } = await hub.memories.saveMemory({ memory: { content: 'traced' } });
      const metadata = { traceparent: `00-${traceId}-${parentId}-01` };
      await hub.memories.getMemory({ target: { $case: 'id', value: id } }, { metadata });
      hub.close();
      expect(await server.stop('SIGTERM')).toBe(0);
    } finally {
      await server.cleanUp();
      await receiver.close();
    }
    expect([...receiver.metrics.keys()]).toContain('rpc.server.call.duration');
    const ofCall = receiver.spans.filter((span) => span.traceId === traceId);
    const get = ofCall.find(({ name }) => name === 'memoryhub.v1.MemoryService/GetMemory');
    expect(get).toMatchObject({ parentSpanId: parentId, attributes: { 'rpc.grpc.status_code': 0n } });
    const children = ofCall.filter(({ parentSpanId }) => parentSpanId === get?.spanId).map(({ name }) => name);
    expect(children).toContain('get_by_ids');
  },
);

redisSuite('with Redis', () => {
  it('a save, a read that Redis has and one it has not are told apart by their spans, under the caller', async () => {
    const redis = await startRedis();
    const server = new ServerProcess({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    });
    const parentId = randomBytes(8).toString('hex');
    const traced = () => {
      const traceId = randomBytes(16).toString('hex');
      return { traceId, settings: { metadata: { traceparent: `00-${traceId}-${parentId}-01` } } };
    };
    const [save, hit, miss] = [traced(), traced(), traced()];
    const client = new Redis(redis.url);
    try {
      const hub = await server.connect();
      const { id } = await hub.memories.saveMemory({ memory: { content: 'traced' } }, save.settings);
      const get = { target: { $case: 'id', value: id } } as const;
      // The first read of what was just made fills Redis.
      await hub.memories.getMemory(get);
      await hub.memories.getMemory(get, hit.settings);
      await client.flushall();
      await hub.memories.getMemory(get, miss.settings);
      hub.close();
      expect(await server.stop('SIGTERM')).toBe(0);
    } finally {
      client.disconnect();
      await server.cleanUp();
      await redis.stop();
    }
    const spansOf = ({ traceId }: { traceId: string }) => {
      const ofCall = receiver.spans.filter((span) => span.traceId === traceId);
      const call = ofCall.find(({ name }) => name.startsWith('memoryhub.v1.MemoryService/'));
      expect(call).toMatchObject({ parentSpanId: parentId, attributes: { 'rpc.grpc.status_code': 0n } });
      const children = ofCall.filter((span) => span !== call);
      for (const child of children) expect(child).toMatchObject({ parentSpanId: call?.spanId });
      return children.map(({ name }) => name);
    };
    expect(spansOf(save)).toEqual(['authenticate', 'check', 'write']);
    expect(spansOf(hit)).toEqual(['authenticate', 'cache_read']);
    expect(spansOf(miss)).toEqual(['authenticate', 'cache_read', 'cache_lease', 'get_by_ids']);
  });
});
