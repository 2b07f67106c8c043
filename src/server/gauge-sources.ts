import type { CachedMemoryRepository } from './cache/cached-memory-repository.ts';
import { NO_USAGE, type RedisConnection } from './cache/redis-connection.ts';
import type { Database } from './database/database.ts';
import type { GenerationPoller } from './generation-poller.ts';
import type { RedisWatch } from './redis-watch.ts';
import type { PostgresMemoryRepository } from './repository/memory-repository.ts';
import type { RpcServer } from './rpc/server.ts';
import type { Sealing } from './security/sealing/sealing.ts';
import type { SessionWaits } from './session-waits.ts';
import type { GaugeSources } from './stats/gauges.ts';
import type { TableWatch } from './table-watch.ts';

/** What the gauges look at. Empty while the server is put together, for statistics are counted from the first moment. */
export interface GaugeParts {
  database?: Database;
  poller?: GenerationPoller;
  redis?: RedisConnection | undefined;
  redisWatch?: RedisWatch | undefined;
  cache?: CachedMemoryRepository;
  store?: PostgresMemoryRepository;
  server?: RpcServer;
  sealing?: Sealing;
  waits?: SessionWaits | undefined;
  tables?: TableWatch | undefined;
}

const NO_POOL = { max: 0, size: 0, busy: 0, waiting: 0, lost: 0 };
const NO_COMMITS = { commitQueue: 0, commitRows: 0, commits: 0, putOff: 0 };
const NO_CACHE = {
  localHits: 0,
  redisHits: 0,
  misses: 0,
  refusedFills: 0,
  localEntries: 0,
  localBytes: 0,
  localMaxBytes: 0,
};

/** Translates what the rooms tell of themselves into what the statistics carry. */
export function gaugeSources(parts: GaugeParts, hasRedis: boolean): GaugeSources {
  return {
    postgres: () => {
      const pool = parts.database?.pool.gauges ?? NO_POOL;
      return {
        up: parts.poller?.databaseIsUp ?? false,
        poolMax: pool.max,
        poolSize: pool.size,
        poolBusy: pool.busy,
        poolWaiting: pool.waiting,
        lost: pool.lost,
        ...(parts.store?.commitGauges ?? NO_COMMITS),
        ...(parts.waits && { waits: parts.waits.gauges }),
      };
    },
    cache: () => parts.cache?.stats() ?? NO_CACHE,
    seal: () => parts.sealing?.gauges ?? { entries: 0, hits: 0, misses: 0 },
    tables: () => parts.tables?.take(),
    connections: () => ({ connections: parts.server?.connections ?? 0, streams: parts.server?.openStreams ?? 0 }),
    ...(hasRedis && {
      redis: () => ({
        up: parts.redis?.up ?? false,
        errors: parts.redis?.errors ?? 0,
        ...(parts.redisWatch?.usage ?? NO_USAGE),
      }),
    }),
  };
}
