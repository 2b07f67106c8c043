import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stage } from '../../src/server/domain/call-context.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import type { CallSpan } from '../../src/server/rpc/call-observer.ts';
import { startTracing, type Tracing } from '../../src/server/telemetry/tracing.ts';
import { grpcReceiver, httpReceiver, type OtlpReceiver } from './otlp-receiver.ts';

const PATH = '/memoryhub.v1.MemoryService/GetMemory';
const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;

let receiver: OtlpReceiver | undefined;
let tracing: Tracing | undefined;
let complaints: string[];

beforeEach(() => {
  complaints = [];
});

afterEach(async () => {
  await tracing?.shutdown(100);
  await receiver?.close();
  tracing = undefined;
  receiver = undefined;
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
});

async function start(endpoint: string | undefined, env: Record<string, string> = {}): Promise<Tracing> {
  Object.assign(process.env, env);
  const note = (text: string): void => {
    complaints.push(text);
  };
  const log = { error: note, warn: note, info: note, debug: note, verbose: note };
  tracing = await startTracing({
    endpoint,
    version: '0.1.0',
    serverAddress: '127.0.0.1',
    serverPort: 50051,
    only: 'traces',
    log,
  });
  return tracing;
}

function startSpan({ tracer }: Tracing, fields: Record<string, string>): CallSpan | undefined {
  if (tracer === undefined) throw new Error('tracing is off');
  return tracer.start(PATH, (name) => fields[name]);
}

/** A call with a cache read and a statement, under the caller's span. */
function makeCall(started: Tracing, traceId: string, parentId: string, flags = '01'): string | undefined {
  const span = startSpan(started, { traceparent: `00-${traceId}-${parentId}-${flags}` });
  const now = performance.now();
  span?.child(Stage.CACHE, 'cache_read', now - 5, now - 4);
  span?.child(Stage.DATABASE, 'get_by_ids', now - 4, now - 1);
  span?.end(0);
  return span?.traceId;
}

describe('tracing', () => {
  it.each([
    ['http/protobuf', httpReceiver],
    ['grpc', grpcReceiver],
  ])('sends a call with its children under the caller’s trace by %s', async (protocol, open) => {
    receiver = await open();
    const started = await start(receiver.endpoint, {
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=t1',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    });
    const traceId = randomBytes(16).toString('hex');
    const parentId = randomBytes(8).toString('hex');
    expect(makeCall(started, traceId, parentId)).toBe(traceId);
    await started.shutdown();

    expect(receiver.spans.map(({ name }) => name).toSorted()).toEqual([
      'cache_read',
      'get_by_ids',
      'memoryhub.v1.MemoryService/GetMemory',
    ]);
    const call = receiver.spans.find(({ kind }) => kind === SERVER);
    expect(call).toMatchObject({
      traceId,
      parentSpanId: parentId,
      statusCode: 0,
      attributes: {
        'rpc.system': 'grpc',
        'rpc.service': 'memoryhub.v1.MemoryService',
        'rpc.method': 'GetMemory',
        'rpc.grpc.status_code': 0n,
        'server.address': '127.0.0.1',
        'server.port': 50_051n,
      },
    });
    const children = receiver.spans.filter((span) => span !== call);
    for (const child of children) expect(child).toMatchObject({ traceId, parentSpanId: call?.spanId });
    const statement = children.find(({ kind }) => kind === CLIENT);
    expect(statement?.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.operation.name': 'get_by_ids',
    });
    // performance.now() of the call became time of day: three milliseconds of the present.
    expect(Number(statement && statement.endNs - statement.startNs) / 1e6).toBeCloseTo(3, 1);
    expect(Math.abs(Number(statement?.endNs) / 1e6 - Date.now())).toBeLessThan(60_000);
    expect(receiver.resource).toMatchObject({
      'service.name': 'memory-hub',
      'deployment.environment.name': 'test',
    });
    if (protocol !== 'grpc') expect(receiver.headers).toMatchObject({ 'x-tenant': 't1', path: '/v1/traces' });
    expect(complaints).toEqual([]);
  });

  it('is off without an endpoint, and when told so', async () => {
    expect((await start(undefined)).tracer).toBeUndefined();
    expect((await start('http://127.0.0.1:9', { OTEL_SDK_DISABLED: 'true' })).tracer).toBeUndefined();
    delete process.env.OTEL_SDK_DISABLED;
    expect((await start('http://127.0.0.1:9', { OTEL_TRACES_EXPORTER: 'none' })).tracer).toBeUndefined();
  });

  it('follows the caller’s decision, and its own ratio where there is no caller', async () => {
    receiver = await httpReceiver();
    const started = await start(undefined, {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.endpoint}/v1/traces`,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
      OTEL_SERVICE_NAME: 'hub-7',
    });
    const sampled = randomBytes(16).toString('hex');
    expect(makeCall(started, randomBytes(16).toString('hex'), 'aaaaaaaaaaaaaaaa', '00')).toBeUndefined();
    expect(startSpan(started, {})).toBeUndefined();
    expect(startSpan(started, { traceparent: 'nonsense' })).toBeUndefined();
    expect(makeCall(started, sampled, 'bbbbbbbbbbbbbbbb')).toBe(sampled);
    await started.shutdown();
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([sampled]));
    expect(receiver.resource).toMatchObject({ 'service.name': 'hub-7' });
  });

  it('keeps its ratio of the calls without a caller, once', async () => {
    receiver = await httpReceiver();
    const started = await start(receiver.endpoint, {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
    });
    let kept = 0;
    for (let call = 0; call < 400; call++) {
      const span = startSpan(started, {});
      if (span === undefined) continue;
      kept += 1;
      span.end(0);
    }
    // Five standard deviations to each side.
    expect(kept).toBeGreaterThan(150);
    expect(kept).toBeLessThan(250);
    await started.shutdown();
    expect(receiver.spans).toHaveLength(kept);
  });

  it('samples on its own account when told so, whatever the caller decided', async () => {
    receiver = await httpReceiver();
    const started = await start(receiver.endpoint, { OTEL_TRACES_SAMPLER: 'always_on' });
    const traceId = randomBytes(16).toString('hex');
    expect(makeCall(started, traceId, 'aaaaaaaaaaaaaaaa', '00')).toBe(traceId);
  });

  it('begins a trace of its own where the caller’s is not valid', async () => {
    receiver = await httpReceiver();
    const started = await start(receiver.endpoint);
    const nobody = '0'.repeat(32);
    const own = makeCall(started, nobody, 'aaaaaaaaaaaaaaaa', '00');
    expect(own).toMatch(/^[0-9a-f]{32}$/);
    expect(own).not.toBe(nobody);
  });

  it('reads the propagators it is told to', async () => {
    receiver = await httpReceiver();
    const started = await start(receiver.endpoint, { OTEL_PROPAGATORS: 'b3multi' });
    const traceId = randomBytes(16).toString('hex');
    const b3 = { 'x-b3-traceid': traceId, 'x-b3-spanid': 'cccccccccccccccc', 'x-b3-sampled': '1' };
    expect(startSpan(started, b3)?.traceId).toBe(traceId);
  });

  it('marks what the server did wrong, without its text, and not what the caller did', async () => {
    receiver = await httpReceiver();
    const started = await start(receiver.endpoint);
    startSpan(started, {})?.end(13, new TypeError('planted secret'));
    startSpan(started, {})?.end(5);
    startSpan(started, {})?.end(14, new ServiceError('DATABASE_UNAVAILABLE', 'planted secret'));
    await started.shutdown();
    expect(receiver.spans).toMatchObject([
      { statusCode: ERROR, attributes: { 'rpc.grpc.status_code': 13n, 'error.type': 'TypeError' } },
      { statusCode: 0, attributes: { 'rpc.grpc.status_code': 5n } },
      { statusCode: ERROR, attributes: { 'error.type': 'DATABASE_UNAVAILABLE' } },
    ]);
    const all = JSON.stringify(receiver.spans, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
    expect(all).not.toContain('planted secret');
  });

  it('bounds the spans of a long stream, and says how many it left out', async () => {
    receiver = await httpReceiver();
    const started = await start(receiver.endpoint);
    const span = startSpan(started, {});
    for (let page = 0; page < 1000; page++) span?.child(Stage.DATABASE, 'list_page', 1, 2);
    span?.end(0);
    await started.shutdown();
    expect(receiver.spans).toHaveLength(129);
    expect(receiver.spans.find(({ kind }) => kind === SERVER)?.attributes).toMatchObject({
      'memoryhub.dropped_children': 872n,
    });
  });

  it('does not wait for a collector that never answers', async () => {
    receiver = await httpReceiver(false);
    const started = await start(receiver.endpoint);
    makeCall(started, randomBytes(16).toString('hex'), 'dddddddddddddddd');
    await started.shutdown(200);
    expect(receiver.spans).toEqual([]);
  });

  it('complains to the log about variables it does not understand', async () => {
    receiver = await httpReceiver();
    await start(receiver.endpoint, { OTEL_TRACES_SAMPLER: 'sometimes' });
    expect(complaints.join()).toContain('sometimes');
  });
});
