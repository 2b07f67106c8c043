import { type CallOptions, type Client, type ClientUnaryCall, Metadata, type ServiceDefinition } from '@grpc/grpc-js';
import type { ConnectOptions } from './client.ts';
import { connect } from './client.ts';
import {
  AdminServiceClient,
  AdminServiceService,
  CaptureProfileRequest,
  CreateApiKeyRequest,
  CreateWorkspaceRequest,
  InvalidateCachesRequest,
  ListApiKeysRequest,
  ListAuditEventsRequest,
  ListWorkspacesRequest,
  RevokeApiKeyRequest,
  RotateKeysRequest,
  RotateSealingKeysRequest,
} from './gen/memoryhub/v1/admin_service.ts';
import * as config from './gen/memoryhub/v1/config_service.ts';
import * as memory from './gen/memoryhub/v1/memory_service.ts';
import {
  GetStatsRequest,
  StatsServiceClient,
  StatsServiceService,
  WatchStatsRequest,
} from './gen/memoryhub/v1/stats_service.ts';
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

const MEMORY_REQUESTS = {
  saveMemory: memory.SaveMemoryRequest,
  getMemory: memory.GetMemoryRequest,
  updateMemory: memory.UpdateMemoryRequest,
  deleteMemory: memory.DeleteMemoryRequest,
  restoreMemory: memory.RestoreMemoryRequest,
  batchSaveMemories: memory.BatchSaveMemoriesRequest,
  batchGetMemories: memory.BatchGetMemoriesRequest,
  batchDeleteMemories: memory.BatchDeleteMemoriesRequest,
  listMemories: memory.ListMemoriesRequest,
  exportMemories: memory.ExportMemoriesRequest,
  listRevisions: memory.ListRevisionsRequest,
  getRevision: memory.GetRevisionRequest,
  getStorageInfo: memory.GetStorageInfoRequest,
  listStorages: memory.ListStoragesRequest,
  purgeMemories: memory.PurgeMemoriesRequest,
  eraseUser: memory.EraseUserRequest,
} as const;

const ADMIN_REQUESTS = {
  createWorkspace: CreateWorkspaceRequest,
  listWorkspaces: ListWorkspacesRequest,
  createApiKey: CreateApiKeyRequest,
  listApiKeys: ListApiKeysRequest,
  revokeApiKey: RevokeApiKeyRequest,
  rotateKeys: RotateKeysRequest,
  listAuditEvents: ListAuditEventsRequest,
  invalidateCaches: InvalidateCachesRequest,
  rotateSealingKeys: RotateSealingKeysRequest,
  captureProfile: CaptureProfileRequest,
} as const;

const STATS_REQUESTS = { getStats: GetStatsRequest, watchStats: WatchStatsRequest } as const;

/** Making these a second time makes another one, or finds the first: they carry no request_id. A repeated rotation would end the overlap. */
const NOT_REPEATABLE: ReadonlySet<string> = new Set([
  AdminServiceService.createWorkspace.path,
  AdminServiceService.createApiKey.path,
  AdminServiceService.rotateKeys.path,
  // Their etag may be that of before: a repeated one would be refused after it was done.
  config.ConfigServiceService.setConfig.path,
  config.ConfigServiceService.deleteConfig.path,
  // Each is written down.
  config.ConfigServiceService.revealSecret.path,
]);

/**
 * A call is tried again when the server cannot be reached or answers UNAVAILABLE. That is safe for those
 * that change nothing, for those that come to the same when repeated, and for those that carry a
 * request_id, which answers the same for 24 hours: all but NOT_REPEATABLE. A test compares this with
 * the contract's own word on each method.
 */
export const RETRIED_METHODS = [
  memory.MemoryServiceService,
  AdminServiceService,
  StatsServiceService,
  config.ConfigServiceService,
]
  .flatMap((service) => Object.values(service).map(({ path }) => path))
  .filter((path) => !NOT_REPEATABLE.has(path));

const RETRIES = JSON.stringify({
  methodConfig: [
    {
      name: RETRIED_METHODS.map((path) => {
        const [service, method] = path.slice(1).split('/');
        return { service, method };
      }),
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.1s',
        maxBackoff: '2s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
});

/**
 * Five tries are over in a second and a half, and grpc-js dials again ever more seldom, up to two
 * minutes: a server that is restarted takes a few seconds, and is found soon after.
 */
const RECONNECT_BACKOFF = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2_000 };

/**
 * What is known of the server of a hub. One that has answered before is waited for until the call's
 * deadline when it cannot be reached: it is being restarted. One that never did may not be there.
 */
interface ServerKnowledge {
  /** Whoever switches retries off (grpc.enable_retries) is told at once. */
  readonly isWaitedFor: boolean;
  hasAnswered: boolean;
}

const CONFIG_REQUESTS = {
  getConfig: config.GetConfigRequest,
  setConfig: config.SetConfigRequest,
  deleteConfig: config.DeleteConfigRequest,
  listConfig: config.ListConfigRequest,
  exportConfig: config.ExportConfigRequest,
  importConfig: config.ImportConfigRequest,
  revealSecret: config.RevealSecretRequest,
  listConfigHistory: config.ListConfigHistoryRequest,
} as const;

/** All services of one server over one connection. */
export class MemoryHub {
  readonly memories: ServiceApi<typeof memory.MemoryServiceService, typeof MEMORY_REQUESTS>;
  readonly admin: ServiceApi<typeof AdminServiceService, typeof ADMIN_REQUESTS>;
  readonly stats: ServiceApi<typeof StatsServiceService, typeof STATS_REQUESTS>;
  readonly config: ServiceApi<typeof config.ConfigServiceService, typeof CONFIG_REQUESTS>;
  readonly #clients: readonly Client[];

  /**
   * Dials with the first call. Unary calls have a deadline of 30 s unless `deadlineMs` says otherwise,
   * and bridge a restart of the server that is shorter.
   */
  constructor(options: ConnectOptions) {
    const withDefaults = {
      deadlineMs: 30_000,
      ...options,
      channel: { 'grpc.service_config': RETRIES, ...RECONNECT_BACKOFF, ...options.channel },
    };
    const memories = connect(memory.MemoryServiceClient, withDefaults);
    const admin = connect(AdminServiceClient, withDefaults);
    const stats = connect(StatsServiceClient, withDefaults);
    const settings = connect(config.ConfigServiceClient, withDefaults);
    const isWaitedFor = options.channel?.['grpc.enable_retries'] !== 0;
    const server: ServerKnowledge = { isWaitedFor, hasAnswered: false };
    this.memories = serviceApi(memories, memory.MemoryServiceService, MEMORY_REQUESTS, server);
    this.admin = serviceApi(admin, AdminServiceService, ADMIN_REQUESTS, server);
    this.stats = serviceApi(stats, StatsServiceService, STATS_REQUESTS, server);
    this.config = serviceApi(settings, config.ConfigServiceService, CONFIG_REQUESTS, server);
    this.#clients = [memories, admin, stats, settings];
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

function serviceApi<Service extends ServiceDefinition, Requests extends RequestTypes<Service>>(
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
