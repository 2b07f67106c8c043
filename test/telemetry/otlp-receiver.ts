import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Server, ServerCredentials } from '@grpc/grpc-js';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string | bigint>>;
  readonly statusCode: number;
}

/** A metric of the last export that had it. */
export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly type: 'gauge' | 'sum' | 'histogram' | 'other';
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, string | bigint>>;
    /** Of gauges and sums. */
    readonly value: number;
    /** Of histograms. */
    readonly count: bigint;
    readonly sum: number;
    readonly bucketCounts: readonly bigint[];
    readonly bounds: readonly number[];
  }[];
}

export interface OtlpReceiver {
  readonly endpoint: string;
  readonly spans: ReceivedSpan[];
  readonly metrics: Map<string, ReceivedMetric>;
  /** Of the resource: service.name and so on. */
  readonly resource: Record<string, string | bigint>;
  readonly headers: Record<string, unknown>;
  close(): Promise<void>;
}

function nothing() {
  return { spans: [] as ReceivedSpan[], metrics: new Map<string, ReceivedMetric>(), resource: {}, headers: {} };
}

/** A collector that speaks OTLP over HTTP with protobuf, or does not answer at all. */
export async function httpReceiver(answers = true): Promise<OtlpReceiver> {
  const received = nothing();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (!answers) return;
    Object.assign(received.headers, request.headers, { path: request.url });
    if (request.url === '/v1/metrics') readMetrics(Buffer.concat(chunks), received.metrics);
    else readExport(Buffer.concat(chunks), received);
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { ...received, endpoint: `http://127.0.0.1:${port}`, close };
}

/** The same over gRPC. */
export async function grpcReceiver(): Promise<OtlpReceiver> {
  const received = nothing();
  const server = new Server();
  const raw = { serialize: (bytes: Buffer) => bytes, deserialize: (bytes: Buffer) => bytes };
  const definition = (signal: string) => ({
    path: `/opentelemetry.proto.collector.${signal.toLowerCase()}.v1.${signal}Service/Export`,
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: raw.serialize,
    requestDeserialize: raw.deserialize,
    responseSerialize: raw.serialize,
    responseDeserialize: raw.deserialize,
  });
  const answering =
    (read: (bytes: Buffer) => void) =>
    (call: { request: Buffer }, callback: (error: null, bytes: Buffer) => void): void => {
      read(call.request);
      callback(null, Buffer.alloc(0));
    };
  server.addService({ export: definition('Trace') }, { export: answering((bytes) => readExport(bytes, received)) });
  server.addService(
    { export: definition('Metrics') },
    { export: answering((bytes) => readMetrics(bytes, received.metrics)) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { ...received, endpoint: `http://127.0.0.1:${port}`, close: async () => server.forceShutdown() };
}

type Fields = Map<number, (Uint8Array | bigint)[]>;

/** The fields of a protobuf message, unread: ExportTraceServiceRequest is in no package we have. */
function fieldsOf(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const fields: Fields = new Map();
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const values = fields.get(field) ?? [];
    fields.set(field, values);
    if (wireType === 0) values.push(BigInt(reader.uint64()));
    else if (wireType === 1) values.push(BigInt(reader.fixed64()));
    else if (wireType === 2) values.push(reader.bytes());
    else reader.skip(wireType, field);
  }
  return fields;
}

const message = (fields: Fields, field: number): Fields => fieldsOf(bytesOf(fields, field));
const messages = (fields: Fields, field: number): Fields[] =>
  (fields.get(field) ?? []).map((value) => fieldsOf(value as Uint8Array));
const bytesOf = (fields: Fields, field: number): Uint8Array =>
  (fields.get(field)?.[0] as Uint8Array) ?? new Uint8Array();
const hexOf = (fields: Fields, field: number): string => Buffer.from(bytesOf(fields, field)).toString('hex');
const textOf = (fields: Fields, field: number): string => Buffer.from(bytesOf(fields, field)).toString();
const numberOf = (fields: Fields, field: number): bigint => (fields.get(field)?.[0] as bigint) ?? 0n;

const doubleOf = (value: unknown): number => {
  if (typeof value !== 'bigint') return 0;
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value);
  return view.getFloat64(0);
};
/** A packed field of 64-bit values. */
const packed = (fields: Fields, field: number): bigint[] => {
  const bytes = bytesOf(fields, field);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / 8 }, (_, index) => view.getBigUint64(index * 8, true));
};

function readMetrics(bytes: Uint8Array, metrics: Map<string, ReceivedMetric>): void {
  const found = messages(fieldsOf(bytes), 1)
    .flatMap((resource) => messages(resource, 2))
    .flatMap((scope) => messages(scope, 2));
  const types = { 5: 'gauge', 7: 'sum', 9: 'histogram' } as const;
  for (const metric of found) {
    const kind = ([5, 7, 9] as const).find((field) => metric.has(field));
    const name = textOf(metric, 1);
    const points = kind === undefined ? [] : messages(message(metric, kind), 1);
    metrics.set(name, {
      name,
      unit: textOf(metric, 3),
      type: kind === undefined ? 'other' : types[kind],
      points: points.map((point) => ({
        attributes: attributesOf(point, kind === 9 ? 9 : 7),
        value: kind === 9 ? 0 : doubleOf(point.get(4)?.[0]),
        count: kind === 9 ? numberOf(point, 4) : 0n,
        sum: kind === 9 ? doubleOf(point.get(5)?.[0]) : 0,
        bucketCounts: kind === 9 ? packed(point, 6) : [],
        bounds: kind === 9 ? packed(point, 7).map(doubleOf) : [],
      })),
    });
  }
}

function attributesOf(fields: Fields, field: number): Record<string, string | bigint> {
  return Object.fromEntries(
    messages(fields, field).map((attribute) => {
      const value = message(attribute, 2);
      return [textOf(attribute, 1), value.has(1) ? textOf(value, 1) : numberOf(value, 3)];
    }),
  );
}

function readExport(bytes: Uint8Array, received: { spans: ReceivedSpan[]; resource: object }): void {
  for (const resourceSpans of messages(fieldsOf(bytes), 1)) {
    Object.assign(received.resource, attributesOf(message(resourceSpans, 1), 1));
    for (const scopeSpans of messages(resourceSpans, 2)) {
      for (const span of messages(scopeSpans, 2)) {
        received.spans.push({
          traceId: hexOf(span, 1),
          spanId: hexOf(span, 2),
          parentSpanId: hexOf(span, 4),
          name: textOf(span, 5),
          kind: Number(numberOf(span, 6)),
          startNs: numberOf(span, 7),
          endNs: numberOf(span, 8),
          attributes: attributesOf(span, 9),
          statusCode: Number(numberOf(message(span, 15), 3)),
        });
      }
    }
  }
}
