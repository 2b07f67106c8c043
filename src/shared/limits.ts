/**
 * Every limit of the contract, once. The proto comments and the README's table are tested against
 * it, and every refusal names the limit it took from here.
 */
export const LIMITS = {
  /** UTF-8 bytes of a memory's content. */
  contentBytes: { min: 1, max: 256 * 1024, unit: 'bytes' },
  /** UTF-8 bytes of a memory's key; 0 is no key. */
  keyBytes: { min: 1, max: 512, unit: 'bytes' },
  /** UTF-8 bytes of user_id, team and category. */
  identifierBytes: { min: 1, max: 128, unit: 'bytes' },
  tags: { min: 0, max: 64, unit: 'tags' },
  /** UTF-8 bytes of one tag. */
  tagBytes: { min: 1, max: 128, unit: 'bytes' },
  /** UTF-8 bytes of metadata as JSON. */
  metadataBytes: { min: 0, max: 16 * 1024, unit: 'bytes' },
  /** Objects and arrays within each other in metadata. */
  metadataDepth: { min: 0, max: 16, unit: 'levels' },
  /** UTF-8 bytes of a mutation's note. */
  noteBytes: { min: 0, max: 256, unit: 'bytes' },
  /** Items of a batch. */
  batchItems: { min: 1, max: 1000, unit: 'items' },
  /** Bytes of any unary message: the default receive limit of every gRPC client. */
  unaryBytes: { min: 0, max: 4 * 1024 * 1024, unit: 'bytes' },
  /** Bytes of one message of a stream. */
  streamBytes: { min: 0, max: 1024 * 1024, unit: 'bytes' },
  /** UTF-8 bytes of a filter. */
  filterBytes: { min: 0, max: 4096, unit: 'bytes' },
  /** Brackets and NOTs within each other in a filter. */
  filterDepth: { min: 0, max: 16, unit: 'levels' },
  /** ListMemoriesRequest.limit; 0 is all. */
  listLimit: { min: 0, max: 1_000_000_000, unit: 'memories' },
  /** Memory.ttl. */
  ttlSeconds: { min: 1, max: 100 * 365 * 86400, unit: 'seconds' },
  /** Bytes of page and resume tokens. */
  tokenBytes: { min: 0, max: 2048, unit: 'bytes' },
  /** A caller's deadline. */
  deadlineSeconds: { min: 0, max: 24 * 3600, unit: 'seconds' },
  /** WatchStatsRequest.interval. */
  watchIntervalMs: { min: 100, max: 60_000, unit: 'milliseconds' },
  /** WatchStatsRequest.replay. */
  watchReplayMs: { min: 0, max: 120_000, unit: 'milliseconds' },
  /** WatchStatsRequest.methods. */
  watchMethods: { min: 0, max: 64, unit: 'methods' },
  /** WatchStatsRequest.detail_methods. */
  watchDetailMethods: { min: 0, max: 16, unit: 'methods' },
  /** UTF-8 bytes of an API key's name. */
  keyNameBytes: { min: 1, max: 128, unit: 'bytes' },
  /** Teams an API key is bound to. */
  keyTeams: { min: 0, max: 64, unit: 'teams' },
  /** UTF-8 bytes of a workspace's name. */
  workspaceNameBytes: { min: 1, max: 64, unit: 'bytes' },
  /** UTF-8 bytes of a workspace's description. */
  descriptionBytes: { min: 0, max: 256, unit: 'bytes' },
} as const;

export type LimitName = keyof typeof LIMITS;
