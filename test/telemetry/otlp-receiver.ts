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

export interface OtlpReceiver {
  readonly endpoint: string;
  readonly spans: ReceivedSpan[];
  /** Of the resource: service.name and so on. */
  readonly resource: Record<string, string | bigint>;
  readonly headers: Record<string, unknown>;
  close(): Promise<void>;
}

/** A collector that speaks OTLP over HTTP with protobuf, or does not answer at all. */
export async function httpReceiver(answers = true): Promise<OtlpReceiver> {
  const received = { spans: [] as ReceivedSpan[], resource: {}, headers: {} };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (!answers) return;
    Object.assign(received.headers, request.headers, { path: request.url });
    readExport(Buffer.concat(chunks), received);
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
  const received = { spans: [] as ReceivedSpan[], resource: {}, headers: {} };
  const server = new Server();
  const raw = { serialize: (bytes: Buffer) => bytes, deserialize: (bytes: Buffer) => bytes };
  const definition = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false as const,
    responseStream: false as const,
    requestSerialize: raw.serialize,
    requestDeserialize: raw.deserialize,
    responseSerialize: raw.serialize,
    responseDeserialize: raw.deserialize,
  };
  server.addService(
    { export: definition },
    {
      export(call: { request: Buffer }, callback: (error: null, bytes: Buffer) => void) {
        readExport(call.request, received);
        callback(null, Buffer.alloc(0));
      },
    },
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
