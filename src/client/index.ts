/** @memory-hub/client: everything a service needs to call Memory Hub. */
export type { ConnectOptions } from '../shared/client.ts';
export type { TlsOptions } from '../shared/client-tls.ts';
export { readKeyFile } from '../shared/discovery.ts';
export { ERROR_REASONS, type ErrorReason } from '../shared/error-reasons.ts';
export {
  type ApiKey,
  Cache,
  type CreateApiKeyRequest,
  type CreateApiKeyResponse,
  type CreateWorkspaceRequest,
  type InvalidateCachesRequest,
  type InvalidateCachesResponse,
  type ListApiKeysRequest,
  type ListApiKeysResponse,
  type ListWorkspacesRequest,
  type ListWorkspacesResponse,
  type RevokeApiKeyRequest,
  Role,
  type Workspace,
} from '../shared/gen/memoryhub/v1/admin_service.ts';
export {
  Consistency,
  type Memory,
  Operation,
  type Revision,
  Scope,
  View,
} from '../shared/gen/memoryhub/v1/memory.ts';
export {
  type BatchDeleteMemoriesRequest,
  type BatchDeleteMemoriesResponse,
  type BatchGetMemoriesRequest,
  type BatchGetMemoriesResponse,
  type BatchSaveMemoriesRequest,
  type BatchSaveMemoriesResponse,
  type DeleteMemoryRequest,
  type DeleteTarget,
  type ExportChunk,
  ExportFormat,
  type ExportHeader,
  type ExportMemoriesRequest,
  type ExportMemoriesResponse,
  type ExportTrailer,
  type GetMemoryRequest,
  type GetRevisionRequest,
  type GetStorageInfoRequest,
  type GetStorageInfoResponse,
  type ListMemoriesRequest,
  type ListMemoriesResponse,
  type ListRevisionsRequest,
  type ListRevisionsResponse,
  type ListStoragesRequest,
  type ListStoragesResponse,
  type MemoryKey,
  type RestoreMemoryRequest,
  type SaveMemoryRequest,
  type Storage,
  type StorageCount,
  type UpdateMemoryRequest,
} from '../shared/gen/memoryhub/v1/memory_service.ts';
export {
  type CacheStats,
  type ClientStats,
  type CodeCount,
  type ConnectionStats,
  EventKind,
  type GetStatsRequest,
  type GetStatsResponse,
  type Histogram,
  type MethodStats,
  type PostgresStats,
  type ProcessStats,
  type RedisStats,
  type ShedCount,
  type SlowCall,
  Stage,
  type StageStats,
  type StatementStats,
  type StatsEvent,
  type StatsFrame,
  type TableStats,
  type WatchStatsRequest,
  type WatchStatsResponse,
} from '../shared/gen/memoryhub/v1/stats_service.ts';
export { LIMITS } from '../shared/limits.ts';
export { RpcError } from '../shared/rpc-error.ts';
export type { CallSettings } from '../shared/service-api.ts';
export { MemoryHub } from '../shared/service-client.ts';
