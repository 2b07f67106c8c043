/**
 * Every limit of the contract, once: its bounds, their unit, and what it is a limit `of`. Bytes of
 * texts are those of their UTF-8. The proto comments and the README's table are tested against it,
 * and every refusal names the limit it took from here.
 */
export const LIMITS = {
  contentBytes: { min: 1, max: 256 * 1024, unit: 'bytes', of: 'content of a memory' },
  keyBytes: { min: 1, max: 512, unit: 'bytes', of: 'key of a memory, where it has one' },
  identifierBytes: { min: 1, max: 128, unit: 'bytes', of: 'user_id, team and category' },
  tags: { min: 0, max: 64, unit: 'tags', of: 'tags of a memory' },
  tagBytes: { min: 1, max: 128, unit: 'bytes', of: 'a tag' },
  metadataBytes: { min: 0, max: 16 * 1024, unit: 'bytes', of: 'metadata, as JSON' },
  metadataDepth: { min: 0, max: 16, unit: 'levels', of: 'objects and arrays within each other in metadata' },
  sealedValues: { min: 0, max: 64, unit: 'values', of: 'values under sensitive names in metadata or a setting' },
  settingNameBytes: { min: 1, max: 128, unit: 'bytes', of: 'name of a setting' },
  settingBytes: { min: 0, max: 16 * 1024, unit: 'bytes', of: 'a setting, as JSON' },
  settingHistory: { min: 0, max: 1000, unit: 'entries', of: 'limit of the history of a setting; 0 is this' },
  noteBytes: { min: 0, max: 256, unit: 'bytes', of: 'note of a change' },
  ttlSeconds: { min: 1, max: 100 * 365 * 86400, unit: 'seconds', of: 'ttl of a memory or an API key' },
  batchItems: { min: 1, max: 1000, unit: 'items', of: 'a batch' },
  /** The default receive limit of every gRPC client. */
  unaryBytes: { min: 0, max: 4 * 1024 * 1024, unit: 'bytes', of: 'a unary message, request or answer' },
  streamBytes: { min: 0, max: 1024 * 1024, unit: 'bytes', of: 'a message of a stream' },
  filterBytes: { min: 0, max: 4096, unit: 'bytes', of: 'a filter' },
  filterDepth: { min: 0, max: 16, unit: 'levels', of: 'brackets and NOTs within each other in a filter' },
  listLimit: { min: 0, max: 1_000_000_000, unit: 'rows', of: 'limit of a list; 0 is all' },
  tokenBytes: { min: 0, max: 2048, unit: 'bytes', of: 'a page or resume token' },
  deadlineSeconds: { min: 0, max: 24 * 3600, unit: 'seconds', of: "a caller's deadline, where it has one" },
  watchIntervalMs: { min: 100, max: 60_000, unit: 'milliseconds', of: 'interval of WatchStats' },
  watchReplayMs: { min: 0, max: 120_000, unit: 'milliseconds', of: 'replay of WatchStats' },
  watchMethods: { min: 0, max: 64, unit: 'methods', of: 'methods of WatchStats' },
  watchDetailMethods: { min: 0, max: 16, unit: 'methods', of: 'detail_methods of WatchStats' },
  keyNameBytes: { min: 1, max: 128, unit: 'bytes', of: 'name of an API key' },
  keyTeams: { min: 0, max: 64, unit: 'teams', of: 'teams of an API key' },
  keyOverlapSeconds: { min: 0, max: 30 * 86_400, unit: 'seconds', of: 'overlap of a rotated API key' },
  rotatedKeys: { min: 1, max: 64, unit: 'keys', of: 'a rotation' },
  workspaceNameBytes: { min: 1, max: 64, unit: 'bytes', of: 'name of a workspace' },
  descriptionBytes: { min: 0, max: 256, unit: 'bytes', of: 'description of a workspace or an API key' },
  profileSeconds: { min: 1, max: 30, unit: 'seconds', of: 'a profile' },
} as const;

export type LimitName = keyof typeof LIMITS;
