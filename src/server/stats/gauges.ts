import type {
  CacheStats,
  ConnectionStats,
  PostgresStats,
  RedisStats,
  SealStats,
  TableStats,
  WaitStats,
} from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { whole, wholeBigint } from './whole.ts';

/** The database pool and the group commit. Rooms that count, count since the start. */
export interface PostgresGauges {
  readonly up: boolean;
  readonly poolMax: number;
  readonly poolSize: number;
  readonly poolBusy: number;
  readonly poolWaiting: number;
  /** Rows waiting for the next group commit. */
  readonly commitQueue: number;
  /** Connections lost since the start. */
  readonly lost: number;
  /** Rows group commits carried since the start. */
  readonly commitRows: number;
  /** Group commits since the start. */
  readonly commits: number;
  /** Writes put off for an earlier one of the same memory, since the start. */
  readonly putOff: number;
  /** Sessions seen waiting since the start, by what for; absent: another process looks. */
  readonly waits?: WaitGauges;
}

/** What sessions were seen waiting for since the start. */
export interface WaitGauges {
  readonly looks: number;
  /** Sessions by wait event. */
  readonly sessions: ReadonlyMap<string, number>;
}

/** Redis, when one is configured. */
export interface RedisGauges {
  readonly up: boolean;
  /** Commands failed since the start. */
  readonly errors: number;
  /** 0 when Redis does not tell. */
  readonly usedBytes: number;
  readonly keys: number;
  /** 0: no limit. */
  readonly maxBytes: number;
}

/** The cache: how often it answered since the start, and what it holds. */
export interface CacheGauges {
  readonly localHits: number;
  readonly redisHits: number;
  readonly misses: number;
  readonly refusedFills: number;
  readonly localEntries: number;
  readonly localBytes: number;
  readonly localMaxBytes: number;
}

/** The cache of sealing: what it holds, and how often it answered since the start. */
export interface SealGauges {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
}

/** What is open now. */
export interface ConnectionGauges {
  readonly connections: number;
  /** Calls and streams. */
  readonly streams: number;
}

/** A table's size and how it is read, as the database tells it. Whole numbers. */
export interface TableSize {
  readonly name: string;
  readonly rowEstimate: number | bigint;
  readonly tableBytes: number | bigint;
  readonly indexBytes: number | bigint;
  readonly deadRows: number | bigint;
  readonly sequentialScans: number | bigint;
  readonly indexes: readonly {
    readonly name: string;
    readonly bytes: number | bigint;
    readonly scans: number | bigint;
  }[];
}

/** Where gauges are read, at each drain: functions that look, and neither wait nor ask anyone. */
export interface GaugeSources {
  readonly postgres?: () => PostgresGauges;
  readonly redis?: () => RedisGauges;
  readonly cache?: () => CacheGauges;
  readonly connections?: () => ConnectionGauges;
  readonly seal?: () => SealGauges;
  /** Undefined when there is nothing new of them; absent: another process looks. */
  readonly tables?: () => readonly TableSize[] | undefined;
}

/** What a frame carries of the gauges; the histograms are the recorder's to add. */
export interface GaugeFrame {
  readonly postgres: PostgresStats | undefined;
  readonly redis: RedisStats | undefined;
  readonly cache: CacheStats | undefined;
  readonly connections: ConnectionStats | undefined;
  readonly seal: SealStats | undefined;
  /** None when there is nothing new of them. */
  readonly tables: TableStats[];
}

/** Reads gauges, and turns counts since the start into counts since the last drain. */
export class GaugeSampler {
  readonly #sources: GaugeSources;
  readonly #seen = new Map<string, number>();

  constructor(sources: GaugeSources) {
    this.#sources = sources;
  }

  drain(): GaugeFrame {
    const { postgres, redis, cache, connections, seal, tables } = this.#sources;
    return {
      postgres: postgres && this.#postgres(postgres()),
      redis: redis && this.#redis(redis()),
      cache: cache && this.#cache(cache()),
      connections: connections && this.#connections(connections()),
      seal: seal && this.#seal(seal()),
      tables: tables?.()?.map(tableStats) ?? [],
    };
  }

  #postgres(now: PostgresGauges): PostgresStats {
    return {
      up: now.up,
      poolMax: whole(now.poolMax),
      poolSize: whole(now.poolSize),
      poolBusy: whole(now.poolBusy),
      poolWaiting: whole(now.poolWaiting),
      acquire: undefined,
      query: undefined,
      lost: this.#since('postgres.lost', now.lost),
      commitQueue: whole(now.commitQueue),
      commitRows: this.#since('postgres.commitRows', now.commitRows),
      commits: this.#since('postgres.commits', now.commits),
      putOff: this.#since('postgres.putOff', now.putOff),
      waits: this.#waits(now.waits),
      waitLooks: this.#since('postgres.waitLooks', now.waits?.looks ?? 0),
    };
  }

  #waits(now: WaitGauges | undefined): WaitStats[] {
    const waits = Array.from(now?.sessions ?? [], ([event, sessions]) => ({
      event,
      sessions: this.#since(`postgres.waits ${event}`, sessions),
    }));
    return waits.filter(({ sessions }) => sessions > 0n);
  }

  #redis(now: RedisGauges): RedisStats {
    return {
      up: now.up,
      command: undefined,
      errors: this.#since('redis.errors', now.errors),
      usedBytes: wholeBigint(now.usedBytes),
      keys: wholeBigint(now.keys),
      maxBytes: wholeBigint(now.maxBytes),
    };
  }

  #cache(now: CacheGauges): CacheStats {
    return {
      localHits: this.#since('cache.localHits', now.localHits),
      redisHits: this.#since('cache.redisHits', now.redisHits),
      misses: this.#since('cache.misses', now.misses),
      refusedFills: this.#since('cache.refusedFills', now.refusedFills),
      localEntries: wholeBigint(now.localEntries),
      localBytes: wholeBigint(now.localBytes),
      localMaxBytes: wholeBigint(now.localMaxBytes),
    };
  }

  #seal(now: SealGauges): SealStats {
    return {
      entries: wholeBigint(now.entries),
      hits: this.#since('seal.hits', now.hits),
      misses: this.#since('seal.misses', now.misses),
      seal: undefined,
      open: undefined,
    };
  }

  #connections(now: ConnectionGauges): ConnectionStats {
    return { connections: whole(now.connections), streams: whole(now.streams), watchers: 0 };
  }

  #since(name: string, total: number): bigint {
    const before = this.#seen.get(name) ?? 0;
    this.#seen.set(name, total);
    return wholeBigint(total - before);
  }
}

function tableStats(table: TableSize): TableStats {
  return {
    name: table.name,
    rowEstimate: BigInt(table.rowEstimate),
    tableBytes: BigInt(table.tableBytes),
    indexBytes: BigInt(table.indexBytes),
    deadRows: BigInt(table.deadRows),
    sequentialScans: BigInt(table.sequentialScans),
    indexes: table.indexes.map(({ name, bytes, scans }) => ({ name, bytes: BigInt(bytes), scans: BigInt(scans) })),
  };
}
