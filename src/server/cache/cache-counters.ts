/** What the cache did since the start; plain numbers, read by the stats sampler. */
export interface CacheStats {
  /** Answered from this process. */
  readonly localHits: number;
  /** Answered from Redis. */
  readonly redisHits: number;
  /** Answered from Postgres, STRONG reads left out. */
  readonly misses: number;
  /** Misses that were not filled because a write was under way. */
  readonly refusedFills: number;
  /** Entries in this process, their bytes, and the most bytes they may take. */
  readonly localEntries: number;
  readonly localBytes: number;
  readonly localMaxBytes: number;
}

export class CacheCounters {
  localHits = 0;
  redisHits = 0;
  misses = 0;
  refusedFills = 0;
}
