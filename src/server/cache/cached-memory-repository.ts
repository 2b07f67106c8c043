import type { Access } from '../domain/access.ts';
import type { CallContext } from '../domain/call-context.ts';
import { Consistency, type MemoryCodec, type Revision } from '../domain/memory.ts';
import type { PurgeCaches } from '../domain/purge-repository.ts';
import type {
  ExportPage,
  ExportQuery,
  ExportSnapshot,
  FoundRecords,
  HistoryPage,
  ListPage,
  ListQuery,
  MemoryRepository,
  RevisionQuery,
  StorageDescription,
  StorageInfo,
  WriteOutcome,
  WriteRequest,
} from '../domain/repository.ts';
import type { WrittenRows } from '../domain/written-rows.ts';
import { CacheCounters, type CacheStats } from './cache-counters.ts';
import { type EpochSource, EpochTrust } from './epoch-trust.ts';
import { LocalStore } from './local-store.ts';
import { NearCache } from './near-cache.ts';
import { ReadPath } from './read-path.ts';
import { type RedisLink, RedisStore } from './redis-store.ts';
import { TokenSource } from './token-source.ts';
import { UnknownCommits } from './unknown-commits.ts';
import { WritePath } from './write-path.ts';

export interface CacheOptions {
  readonly codec: MemoryCodec;
  readonly epochs: EpochSource;
  /** Bumps the cache epoch of a workspace in Postgres; resolves after the commit. */
  readonly bumpCacheEpoch: (workspaceId: number) => Promise<void>;
  /** Most bytes of memories kept in this process. */
  readonly localMaxBytes: number;
  /**
   * 'sole': no other process writes to this database, so that this process' entries serve every
   * read. 'shared': others do; READ_YOUR_WRITES asks Redis, or Postgres when there is none.
   */
  readonly ownership:
    | 'sole'
    | { readonly shared: { readonly link: RedisLink; readonly keyPrefix: string } | undefined };
}

/**
 * A repository around a repository: the same answers, most reads without the database. The protocol
 * is told in protocol.ts. STRONG reads, lists, exports and history go straight through.
 */
export class CachedMemoryRepository implements MemoryRepository, PurgeCaches {
  readonly #inner: MemoryRepository;
  readonly #sole: boolean;
  readonly #local: LocalStore | undefined;
  readonly #near: NearCache | undefined;
  readonly #reads: ReadPath | undefined;
  readonly #writes: WritePath | undefined;
  readonly #counters = new CacheCounters();
  readonly #unknownCommits: UnknownCommits;

  constructor(inner: MemoryRepository, options: CacheOptions) {
    const { codec, epochs, bumpCacheEpoch, localMaxBytes, ownership } = options;
    const sole = ownership === 'sole';
    this.#inner = inner;
    const keeps = localMaxBytes > 0;
    this.#sole = sole;
    this.#local = sole && keeps ? new LocalStore(codec, localMaxBytes) : undefined;
    this.#near = !sole && keeps ? new NearCache(codec, localMaxBytes) : undefined;
    const redis = sole ? undefined : ownership.shared;
    const store = this.#local ?? (redis && new RedisStore(redis.link, codec, redis.keyPrefix));
    const shared = new EpochTrust(epochs);
    // Nobody else writes: this process' entries are true however old its last poll is.
    const trust = sole ? { epoch: (id: number) => epochs.epoch(id), holds: () => true, bumped: () => {} } : shared;
    this.#unknownCommits = new UnknownCommits(epochs, bumpCacheEpoch);
    if (store !== undefined) {
      const tokens = new TokenSource();
      this.#reads = new ReadPath(inner, store, trust, this.#counters, tokens);
      this.#writes = new WritePath(inner, store, trust, tokens, this.#unknownCommits, bumpCacheEpoch);
    }
  }

  get(call: CallContext, ids: readonly string[], consistency: Consistency): FoundRecords | Promise<FoundRecords> {
    if (consistency === Consistency.STRONG) return this.#inner.get(call, ids, consistency);
    if (consistency === Consistency.EVENTUAL && this.#near !== undefined) return this.#getNear(call, ids, this.#near);
    // Where this process is the only one, the fresh answer is the cheap one.
    return this.#getThrough(call, ids, this.#sole ? Consistency.READ_YOUR_WRITES : consistency);
  }

  write(call: CallContext, request: WriteRequest): Promise<WriteOutcome> {
    const written = (this.#writes ?? this.#inner).write(call, request);
    const near = this.#near;
    if (near === undefined) return written;
    return written.finally(() => {
      for (const { id } of request.changes) near.forget(request.workspaceId, id);
    });
  }

  /** Runs a removal between taking entries out of use and clearing them, wherever they are kept. */
  async removing<T>(
    call: CallContext,
    ids: readonly string[],
    remove: (bumpCacheEpoch: boolean) => Promise<T>,
  ): Promise<T> {
    try {
      return await (this.#writes?.removing(call, ids, remove) ?? remove(false));
    } finally {
      if (this.#near !== undefined) for (const id of ids) this.#near.forget(call.workspaceId, id);
    }
  }

  /** Counted since the start. */
  stats(): CacheStats {
    const { localHits, redisHits, misses, refusedFills } = this.#counters;
    const here = this.#local ?? this.#near;
    return {
      localHits,
      redisHits,
      misses,
      refusedFills,
      localEntries: here?.size ?? 0,
      localBytes: here?.bytes ?? 0,
      localMaxBytes: here?.maxBytes ?? 0,
    };
  }

  /** Ends what works in the background. */
  close(): void {
    this.#unknownCommits.stop();
  }

  list(call: CallContext, query: ListQuery, into: WrittenRows): Promise<ListPage> {
    return this.#inner.list(call, query, into);
  }

  beginExport(call: CallContext, workspaceId: number): Promise<ExportSnapshot & { rowEstimate: number }> {
    return this.#inner.beginExport(call, workspaceId);
  }

  exportPage(call: CallContext, query: ExportQuery, into: WrittenRows): Promise<ExportPage> {
    return this.#inner.exportPage(call, query, into);
  }

  revisions(call: CallContext, query: RevisionQuery): Promise<HistoryPage> {
    return this.#inner.revisions(call, query);
  }

  revision(call: CallContext, workspaceId: number, memoryId: string, revision: number): Promise<Revision | undefined> {
    return this.#inner.revision(call, workspaceId, memoryId, revision);
  }

  sealedValues(call: CallContext, workspaceId: number, changeNos: readonly number[]) {
    return this.#inner.sealedValues(call, workspaceId, changeNos);
  }

  storageInfo(call: CallContext, workspaceId: number, access: Access): Promise<StorageInfo> {
    return this.#inner.storageInfo(call, workspaceId, access);
  }

  describe(call: CallContext): Promise<StorageDescription> {
    return this.#inner.describe(call);
  }

  #getThrough(call: CallContext, ids: readonly string[], consistency: Consistency) {
    if (this.#reads !== undefined) return this.#reads.get(call, ids, consistency);
    this.#counters.misses += ids.length;
    return this.#inner.get(call, ids, consistency);
  }

  async #getNear(call: CallContext, ids: readonly string[], near: NearCache) {
    const { workspaceId } = call;
    const records = ids.map((id) => near.get(workspaceId, id));
    const wanted = ids.filter((_, i) => records[i] === undefined);
    this.#counters.localHits += ids.length - wanted.length;
    if (wanted.length === 0) return records;
    const readAt = performance.now();
    const rest = await this.#getThrough(call, wanted, Consistency.EVENTUAL);
    let next = 0;
    return records.map((record, i) => {
      if (record !== undefined) return record;
      const fetched = rest[next++];
      if (fetched !== undefined) near.put(workspaceId, ids[i] as string, fetched, readAt);
      return fetched;
    });
  }
}
