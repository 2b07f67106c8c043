import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2, constants, type IncomingHttpHeaders } from 'node:http2';
import {
  Client,
  credentials,
  type ServiceError as GrpcError,
  Metadata,
  type ServerCredentials,
  status,
} from '@grpc/grpc-js';
import { afterEach } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { type Principal, Role } from '../../src/server/domain/principal.ts';
import type { CallRecord } from '../../src/server/rpc/call-observer.ts';
import type { AnyMethod, Call, EncodedMessage, MethodDefinition } from '../../src/server/rpc/method.ts';
import { createServer, type RpcServer, type ServerOptions } from '../../src/server/rpc/server.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '../../src/shared/gen/google/rpc/error_details.ts';
import { Status } from '../../src/shared/gen/google/rpc/status.ts';

/** Messages of the tests are plain text in UTF-8. */
function textDefinition(path: string, responseStream: boolean): MethodDefinition<string, string> {
  return {
    path,
    requestStream: false,
    responseStream,
    // The generated decoders get a reader of the bytes.
    requestDeserialize: (reader) => Buffer.from((reader as unknown as { buf: Uint8Array }).buf).toString(),
    responseSerialize: (text) => Buffer.from(text),
  };
}

/** A unary method "/test.Wire/<name>" that any key may call. */
export function unary(
  name: string,
  handle: (call: Call, request: string) => Promise<string | EncodedMessage> | string,
  roles: readonly Role[] = Object.values(Role),
): AnyMethod {
  return { definition: textDefinition(`/test.Wire/${name}`, false), roles, handle };
}

/** A streaming one. */
export function stream(
  name: string,
  handle: (call: Call, request: string) => AsyncIterable<string | EncodedMessage>,
  roles: readonly Role[] = Object.values(Role),
): AnyMethod {
  return { definition: textDefinition(`/test.Wire/${name}`, true), roles, handle };
}

export const READER: Principal = {
  keyId: 'reader0000000000',
  name: 'a reader',
  role: Role.READER,
  workspaceId: 7,
  workspace: 'seven',
  access: UNBOUND,
};

/** Takes "Bearer good"; `revoked` makes it refuse that too. */
export class OneKey {
  revoked = false;

  verify(authorization: string | undefined): Principal {
    if (authorization === undefined) throw new ServiceError('CREDENTIAL_MISSING', 'the call has no key');
    if (authorization !== 'Bearer good' || this.revoked) throw new ServiceError('CREDENTIAL_INVALID', 'no such key');
    return READER;
  }
}

/** What the observers of a server saw. */
export interface Seen {
  begun: number;
  readonly ended: (CallRecord & { path: string })[];
  readonly opened: string[];
  readonly closed: string[];
  readonly unexpected: { path: string; callId: string; traceId: string | undefined; error: unknown }[];
  readonly lines: { path: string; callId: string; reason: string | undefined; traceId: string | undefined }[];
  readonly shed: string[];
}

export interface TestServer {
  readonly server: RpcServer;
  readonly port: number;
  readonly client: Client;
  readonly key: OneKey;
  readonly seen: Seen;
}

const running: TestServer[] = [];

afterEach(async () => {
  for (const { server, client } of running.splice(0)) {
    client.close();
    await server.drain(0);
  }
});

/** A server of these methods on a port of its own, with a client; both end with the test. */
export async function start(
  methods: AnyMethod[],
  options: Partial<ServerOptions> = {},
  tls?: ServerCredentials,
): Promise<TestServer> {
  const key = new OneKey();
  const seen: Seen = { begun: 0, ended: [], opened: [], closed: [], unexpected: [], lines: [], shed: [] };
  const server = createServer({
    methods,
    authenticator: key,
    recorder: {
      shed: (reason) => seen.shed.push(reason),
      methods: (paths) =>
        paths.map((path) => ({
          begin: () => {
            seen.begun += 1;
          },
          end: (record) => seen.ended.push({ ...record, stagesUs: Array.from(record.stagesUs), path }),
          streamOpened: (keyId) => seen.opened.push(keyId),
          streamStalled: () => {},
          streamClosed: (keyId) => seen.closed.push(keyId),
        })),
    },
    log: { unexpectedError: (path, callId, traceId, error) => seen.unexpected.push({ path, callId, traceId, error }) },
    accessLog: { call: (path, callId, _record, reason, traceId) => seen.lines.push({ path, callId, reason, traceId }) },
    ...options,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 }, tls);
  const client = connect(port);
  const started = { server, port, client, key, seen };
  running.push(started);
  return started;
}

/** A client with a connection of its own. */
export function connect(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
}

export interface CallOptions {
  readonly headers?: Record<string, string>;
  readonly deadline?: Date | number;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly bytes: Buffer;
  readonly text: string;
  readonly headers: Metadata;
}

const asIs = (bytes: Buffer) => bytes;

function metadataOf(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries({ authorization: 'Bearer good', ...options.headers })) {
    if (value !== '') metadata.set(name, value);
  }
  return metadata;
}

/** Calls "/test.Wire/<name>", or a full path, and rejects with a Refusal. */
export function call(server: TestServer, name: string, request: string | Buffer = '', options: CallOptions = {}) {
  return new Promise<Answer>((resolve, reject) => {
    let headers = new Metadata();
    const path = name.startsWith('/') ? name : `/test.Wire/${name}`;
    const deadline = options.deadline === undefined ? {} : { deadline: options.deadline };
    const request_ = Buffer.from(request);
    server.client.waitForReady(Date.now() + 5000, () => {
      const wire = server.client.makeUnaryRequest(
        path,
        asIs,
        asIs,
        request_,
        metadataOf(options),
        deadline,
        (error, bytes) => {
          if (error) reject(new Refusal(error));
          else resolve({ bytes: bytes ?? Buffer.alloc(0), text: String(bytes), headers });
        },
      );
      wire.on('metadata', (received: Metadata) => {
        headers = received;
      });
      options.signal?.addEventListener('abort', () => wire.cancel());
    });
  });
}

/** Opens a stream; nothing is read from it until it is. */
export function open(server: TestServer, name: string, request = '', options: CallOptions = {}) {
  const path = name.startsWith('/') ? name : `/test.Wire/${name}`;
  const deadline = options.deadline === undefined ? {} : { deadline: options.deadline };
  return server.client.makeServerStreamRequest(path, asIs, asIs, Buffer.from(request), metadataOf(options), deadline);
}

/** Reads a stream to its end: its messages, and how it was refused if it was. */
export function readAll(stream: ReturnType<typeof open>): Promise<{ messages: string[]; refusal?: Refusal }> {
  return new Promise((resolve) => {
    const messages: string[] = [];
    stream.on('data', (bytes: Buffer) => messages.push(bytes.toString()));
    stream.on('error', (error: GrpcError) => resolve({ messages, refusal: new Refusal(error) }));
    stream.on('end', () => resolve({ messages }));
  });
}

/** An error as a client decodes it. */
export class Refusal extends Error {
  readonly code: string;
  readonly text: string;
  readonly trailers: Metadata;
  readonly reason: string | undefined;
  readonly info: Record<string, string>;
  readonly violations: { field: string; description: string }[] = [];
  readonly retryDelayMs: number | undefined;

  constructor(error: Pick<GrpcError, 'code' | 'details' | 'metadata'>) {
    super(`${status[error.code]}: ${error.details}`);
    this.code = status[error.code] ?? '';
    this.text = error.details;
    this.trailers = error.metadata;
    const encoded = error.metadata.get('grpc-status-details-bin')[0];
    const details = encoded === undefined ? [] : Status.decode(encoded as Buffer).details;
    this.info = {};
    for (const { typeUrl, value } of details) {
      if (typeUrl.endsWith('ErrorInfo')) {
        const info = ErrorInfo.decode(value);
        this.reason = `${info.domain}/${info.reason}`;
        this.info = info.metadata;
      }
      if (typeUrl.endsWith('BadRequest')) {
        this.violations = BadRequest.decode(value).fieldViolations.map(({ field, description }) => ({
          field,
          description,
        }));
      }
      if (typeUrl.endsWith('RetryInfo')) {
        const delay = RetryInfo.decode(value).retryDelay;
        this.retryDelayMs = Number(delay?.seconds) * 1000 + (delay?.nanos ?? 0) / 1e6;
      }
    }
  }
}

/** What a promise was refused with. */
export async function refusalOf(promise: Promise<unknown>): Promise<Refusal> {
  const outcome = await promise.then(
    () => 'it was answered',
    (error: unknown) => error,
  );
  if (outcome instanceof Refusal) return outcome;
  throw new Error(`expected a refusal, but: ${String(outcome)}`);
}

/** One gRPC frame. */
export function frame(message: Buffer, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

/** Sends a call byte by byte, without any client library; resolves with the trailers. */
export function rawCall(
  server: TestServer,
  path: string,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<Refusal & { http: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://127.0.0.1:${server.port}`);
    session.on('error', reject);
    const request = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: 'Bearer good',
      ...headers,
    });
    let http: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    request.on('response', (received) => {
      http = received;
    });
    request.on('trailers', (received) => {
      trailers = received;
    });
    request.on('error', reject);
    request.resume();
    request.on('close', () => {
      session.close();
      const all = { ...http, ...trailers };
      const refusal = new Refusal({
        code: Number(all['grpc-status'] ?? status.UNKNOWN),
        details: decodeURI(String(all['grpc-message'] ?? '')),
        metadata: Metadata.fromHttp2Headers(all),
      });
      resolve(Object.assign(refusal, { http: all }));
    });
    request.end(body);
  });
}

/** Sends an empty request with a deadline that only the server keeps, and takes it back when told to. */
export async function cancelledCall(
  server: TestServer,
  path: string,
  timeout: string,
  signal: AbortSignal,
): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  const request = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: 'Bearer good',
    'grpc-timeout': timeout,
  });
  request.on('error', () => {});
  request.end(frame(Buffer.alloc(0)));
  signal.addEventListener('abort', () => request.close(constants.NGHTTP2_CANCEL));
  await once(request, 'close');
  await closing(session);
}

/** To be waited for before the server ends, which would close it with an error that nobody takes. */
export async function closing(session: ClientHttp2Session): Promise<void> {
  session.close();
  if (!session.destroyed) await once(session, 'close');
}

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
