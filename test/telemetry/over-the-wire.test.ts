import { randomBytes } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import { Stage } from '../../src/server/domain/call-context.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { getStats } from '../../src/server/rpc/stats/get-stats.ts';
import { watchStats } from '../../src/server/rpc/stats/watch-stats.ts';
import { StatsHub } from '../../src/server/stats/hub.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import { openLogging } from '../../src/server/telemetry/logger.ts';
import { startTracing } from '../../src/server/telemetry/tracing.ts';
import {
  GetStatsResponse,
  type StatsFrame,
  WatchStatsRequest,
  WatchStatsResponse,
} from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { appendFrame, emptyFrame } from '../../src/shared/stats-merge.ts';
import { durationFromMs } from '../../src/shared/time.ts';
import { call, READER, Refusal, refusalOf, start, type TestServer, unary, until } from '../rpc/harness.ts';
import { httpReceiver } from './otlp-receiver.ts';

const PLANTED = 'planted-content-and-secret';
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A server with the real recorder, hub, tracer and log, to which a statement takes two milliseconds. */
async function startObserved() {
  const receiver = await httpReceiver();
  cleanUps.push(receiver.close);
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line) };
  const logging = await openLogging({ level: 'trace', terminal: false, output });
  const where = { version: '0.1.0', serverAddress: '127.0.0.1', serverPort: 0, only: 'traces' } as const;
  const tracing = await startTracing({ endpoint: receiver.endpoint, ...where, log: logging.diag });
  cleanUps.push(() => tracing.shutdown(100));
  cleanUps.push(() => delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT);
  const recorder = new StatsRecorder();
  const hub = new StatsHub({
    source: recorder,
    identity: { bootId: 'boot-1', replica: 'hub-1', version: '0.1.0', bootTime: undefined },
    onError: (error) => logging.log.error({ err: error }),
  });
  cleanUps.push(
    () => hub.close(),
    () => recorder.close(),
  );
  const echo = unary('Echo', async (context, request) => {
    context.observe(Stage.CACHE, 'cache_read', performance.now() - 1);
    context.observe(Stage.DATABASE, 'get_by_ids', performance.now() - 2);
    if (request.startsWith('break')) {
      throw Object.assign(new Error(`bad value "${request}"`), { name: 'error', severity: 'ERROR', detail: request });
    }
    return request;
  });
  const server = await start([echo, getStats(hub), watchStats(hub)], {
    authenticator: { verify: () => ({ ...READER, role: Role.OPERATOR }) },
    recorder,
    log: logging.wire,
    accessLog: logging.access,
    tracer: tracing.tracer,
  });
  return { server, hub, lines, receiver, tracing };
}

it('a call leaves its trace under the caller’s, its line in the log, and none of its content anywhere', async () => {
  const { server, lines, receiver, tracing } = await startObserved();
  const traceId = randomBytes(16).toString('hex');
  const parentId = randomBytes(8).toString('hex');
  const headers = {
    traceparent: `00-${traceId}-${parentId}-01`,
    'x-request-id': 'request-1',
    authorization: `Bearer mh_0123456789abcdef_${PLANTED}`,
  };
  await call(server, 'Echo', PLANTED, { headers });
  await refusalOf(call(server, 'Echo', `break ${PLANTED}`, { headers }));
  await tracing.shutdown();

  const calls = receiver.spans.filter(({ name }) => name === 'test.Wire/Echo');
  expect(calls).toMatchObject([
    { traceId, parentSpanId: parentId, attributes: { 'rpc.grpc.status_code': 0n } },
    { traceId, parentSpanId: parentId, attributes: { 'rpc.grpc.status_code': 13n }, statusCode: 2 },
  ]);
  for (const { spanId } of calls) {
    const children = receiver.spans.filter(({ parentSpanId }) => parentSpanId === spanId);
    expect(children.map(({ name }) => name)).toEqual(expect.arrayContaining(['cache_read', 'get_by_ids']));
  }
  const logged = lines.map((line) => JSON.parse(line));
  expect(logged.filter(({ msg }) => msg === 'call')).toMatchObject([
    { request_id: 'request-1', trace_id: traceId, method: 'test.Wire/Echo', code: 'OK' },
    { request_id: 'request-1', trace_id: traceId, method: 'test.Wire/Echo', code: 'INTERNAL' },
  ]);
  expect(logged.filter(({ level }) => level === 50)).toMatchObject([{ request_id: 'request-1', trace_id: traceId }]);
  const spans = JSON.stringify(receiver.spans, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  expect(lines.join('') + spans).not.toContain(PLANTED);
});

it('a watcher sees every call, and is told when the server stops', async () => {
  const { server, hub } = await startObserved();
  const stream = watch(server, { interval: durationFromMs(100), detailMethods: ['Wire/Echo'] });
  const sum: StatsFrame = emptyFrame();
  const sequences: bigint[] = [];
  let refusal: Refusal | undefined;
  stream.on('data', ({ frame }: WatchStatsResponse) => {
    if (frame === undefined) return;
    sequences.push(frame.sequence);
    appendFrame(sum, frame);
  });
  stream.on('error', (error: ConstructorParameters<typeof Refusal>[0]) => {
    refusal = new Refusal(error);
  });
  await until(() => sequences.length > 0, 'a first frame');
  const completed = (): bigint => sum.methods.find(({ method }) => method === 'test.Wire/Echo')?.completed ?? 0n;
  const before = completed();
  await Promise.all(Array.from({ length: 200 }, () => call(server, 'Echo', 'hello')));
  await until(() => completed() - before === 200n, '200 calls in the frames');
  const echo = sum.methods.find(({ method }) => method === 'test.Wire/Echo');
  expect(echo).toMatchObject({
    inFlight: 0n,
    bytesReceived: 1000n,
    bytesSent: 1000n,
    codes: [{ code: 0, count: 200n }],
  });
  expect(echo?.latency?.count).toBe(200n);
  expect(echo?.stages.find(({ stage }) => stage === Stage.DATABASE)?.latency?.count).toBe(200n);
  expect(echo?.slowest).toHaveLength(10);
  expect(sum.connections?.watchers).toBe(1);
  expect(sum.clients).toMatchObject([{ keyId: READER.keyId, keyName: READER.name, peer: '127.0.0.1', calls: 200n }]);
  const { totals } = GetStatsResponse.decode((await call(server, '/memoryhub.v1.StatsService/GetStats')).bytes);
  expect(totals?.methods.find(({ method }) => method === 'test.Wire/Echo')?.latency).toEqual(echo?.latency);

  hub.close();
  await until(() => refusal !== undefined, 'the end of the stream');
  expect(refusal).toMatchObject({ code: 'UNAVAILABLE', reason: 'memoryhub/SHUTTING_DOWN', retryDelayMs: 100 });
  expect(hub.totals().shed).toMatchObject([{ reason: 'SHUTTING_DOWN', count: 1n }]);
  expect(sequences).toEqual(sequences.map((_, i) => BigInt(i + 1)));
});

it('a watcher that goes away while it waits is gone from the hub', async () => {
  const { server, hub } = await startObserved();
  const stream = watch(server, { interval: durationFromMs(60_000) });
  stream.on('error', () => undefined);
  await until(() => hub.totals().connections?.watchers === 1, 'one watcher');
  stream.cancel();
  await until(() => hub.totals().connections?.watchers === 0, 'no watcher');
});

function watch(server: TestServer, request: Parameters<typeof WatchStatsRequest.fromPartial>[0]) {
  const metadata = new Metadata();
  metadata.set('authorization', 'Bearer good');
  return server.client.makeServerStreamRequest(
    '/memoryhub.v1.StatsService/WatchStats',
    (message: WatchStatsRequest) => Buffer.from(WatchStatsRequest.encode(message).finish()),
    (bytes) => WatchStatsResponse.decode(bytes),
    WatchStatsRequest.fromPartial(request),
    metadata,
  );
}
