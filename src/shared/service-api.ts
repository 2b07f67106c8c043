import { type CallOptions, type Client, type ClientUnaryCall, Metadata, type ServiceDefinition } from '@grpc/grpc-js';
import { toRpcError } from './rpc-error.ts';

/** What one call may say beside its request. */
export interface CallSettings {
  /** Milliseconds until the call gives up; absent: the client's own. */
  readonly deadlineMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** Further metadata, for instance traceparent or x-request-id. */
  readonly metadata?: Readonly<Record<string, string>>;
}

interface Method<Request, Response> {
  readonly path: string;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** How a request is made from the fields that are set, by method name. */
type RequestTypes<Service> = {
  readonly [Name in keyof Service]: Service[Name] extends Method<infer Request, infer _Response>
    ? { fromPartial(fields: never): Request }
    : never;
};

/** A service as functions: unary calls are promises, streams are async iterables; errors are RpcError. */
export type ServiceApi<Service, Requests extends RequestTypes<Service>> = {
  readonly [Name in keyof Service]: Service[Name] extends Method<infer _Request, infer Response>
    ? (
        fields: Parameters<Requests[Name]['fromPartial']>[0],
        settings?: CallSettings,
      ) => Service[Name]['responseStream'] extends true ? AsyncIterable<Response> : Promise<Response>
    : never;
};

/**
 * What is known of the server of a hub. One that has answered before is waited for until the call's
 * deadline when it cannot be reached: it is being restarted. One that never did may not be there.
 */
export interface ServerKnowledge {
  /** Whoever switches retries off (grpc.enable_retries) is told at once. */
  readonly isWaitedFor: boolean;
  hasAnswered: boolean;
}

/** Makes the functions of a service, over one client. */
export function serviceApi<Service extends ServiceDefinition, Requests extends RequestTypes<Service>>(
  client: Client,
  service: Service,
  requests: Requests,
  server: ServerKnowledge,
): ServiceApi<Service, Requests> {
  const api: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries(service)) {
    const method = definition as Method<Record<string, unknown>, unknown>;
    const type = requests[name as keyof Requests] as { fromPartial(fields: unknown): Record<string, unknown> };
    const request = (fields: unknown) => {
      const message = type.fromPartial(fields);
      if (message.requestId === '') message.requestId = crypto.randomUUID();
      return message;
    };
    api[name] = method.responseStream
      ? (fields: unknown, settings: CallSettings = {}) => readStream(client, method, request(fields), settings)
      : (fields: unknown, settings: CallSettings = {}) => callUnary(client, method, request(fields), settings, server);
  }
  // The loop above makes just what the type says, one function a method.
  return api as ServiceApi<Service, Requests>;
}

function callUnary<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: Request,
  settings: CallSettings,
  server: ServerKnowledge,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = method;
    const [metadata, options] = callArguments(settings);
    metadata.setOptions({ waitForReady: server.isWaitedFor && server.hasAnswered });
    const call: ClientUnaryCall = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (error, response) => {
        settings.signal?.removeEventListener('abort', cancel);
        const failure = error && toRpcError(error);
        if (failure?.reason !== '') server.hasAnswered = true;
        if (failure) reject(failure);
        else resolve(response as Response);
      },
    );
    const cancel = () => call.cancel();
    settings.signal?.addEventListener('abort', cancel);
    if (settings.signal?.aborted) cancel();
  });
}

/** Leaving the loop over the stream cancels it. */
async function* readStream<Request, Response>(
  client: Client,
  method: Method<Request, Response>,
  request: Request,
  settings: CallSettings,
): AsyncGenerator<Response> {
  const { path, requestSerialize, responseDeserialize } = method;
  const [metadata, options] = callArguments(settings);
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    metadata,
    options,
  );
  const cancel = () => stream.cancel();
  settings.signal?.addEventListener('abort', cancel);
  if (settings.signal?.aborted) cancel();
  try {
    yield* stream as AsyncIterable<Response>;
  } catch (error) {
    throw toRpcError(error);
  } finally {
    settings.signal?.removeEventListener('abort', cancel);
    // A cancelled stream still reports it; nobody is left to hear.
    stream.on('error', () => {});
    stream.cancel();
  }
}

function callArguments({ deadlineMs, metadata = {} }: CallSettings): [Metadata, CallOptions] {
  const fields = new Metadata();
  for (const [name, value] of Object.entries(metadata)) fields.set(name, value);
  return [fields, deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }];
}
