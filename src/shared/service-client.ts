import type { Client } from '@grpc/grpc-js';
import { type ConnectOptions, connect } from './client.ts';
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
import { RECONNECT_BACKOFF, RETRIES } from './retries.ts';
import { type ServerKnowledge, type ServiceApi, serviceApi } from './service-api.ts';

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
