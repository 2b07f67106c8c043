import type { StatsFrame } from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import { counter, type Family, gauge } from './family.ts';
import { latencyFamily } from './latency.ts';
import type { MetricsView } from './view.ts';

/** PostgreSQL, Redis, the cache and sealing. What is not configured has no samples, and so no metric. */
export function storeFamilies({ totals }: MetricsView): Family[] {
  return [
    ...postgresFamilies(totals.postgres),
    ...statementFamilies(totals.statements),
    ...tableFamilies(totals.tables),
    ...redisFamilies(totals.redis),
    ...cacheFamilies(totals.cache),
    ...sealFamilies(totals.seal),
  ];
}

function postgresFamilies(postgres: StatsFrame['postgres']): Family[] {
  if (postgres === undefined) return [];
  const { up, poolMax, poolSize, poolBusy, poolWaiting, acquire, lost, commitQueue, commitRows, commits } = postgres;
  const { putOff, waits, waitLooks } = postgres;
  return [
    gauge('memoryhub.postgres.up', '', 'Whether PostgreSQL answers', [[{}, up]]),
    gauge('memoryhub.postgres.pool.max', '{connection}', 'Connections the pool may open', [[{}, poolMax]]),
    gauge('memoryhub.postgres.pool.size', '{connection}', 'Connections open', [[{}, poolSize]]),
    gauge('memoryhub.postgres.pool.busy', '{connection}', 'Connections in use', [[{}, poolBusy]]),
    gauge('memoryhub.postgres.pool.waiting', '{caller}', 'Callers waiting for a connection', [[{}, poolWaiting]]),
    latencyFamily('memoryhub.postgres.pool.acquire.duration', 'Time to get a connection', [
      { labels: {}, latency: acquire },
    ]),
    counter('memoryhub.postgres.connections.lost', '{connection}', 'Connections that were lost', [[{}, lost]]),
    gauge('memoryhub.postgres.commit.queue', '{row}', 'Rows waiting for the next group commit', [[{}, commitQueue]]),
    counter('memoryhub.postgres.commit.rows', '{row}', 'Rows that group commits carried', [[{}, commitRows]]),
    counter('memoryhub.postgres.commits', '{commit}', 'Group commits', [[{}, commits]]),
    counter('memoryhub.postgres.put_off', '{write}', 'Writes put off to a later commit for one of the same memory', [
      [{}, putOff],
    ]),
    counter('memoryhub.postgres.wait_looks', '{look}', 'Looks at what sessions wait for, one a second', [
      [{}, waitLooks],
    ]),
    counter(
      'memoryhub.postgres.waits',
      '{session}',
      'Sessions seen waiting inside PostgreSQL, by wait event; over the looks, how many waited at a time',
      waits.map(({ event, sessions }) => [{ event }, sessions] as const),
    ),
  ];
}

function statementFamilies(statements: StatsFrame['statements']): Family[] {
  return [
    latencyFamily(
      'memoryhub.postgres.statement.duration',
      'Time of a statement, by kind',
      statements.map(({ kind, latency }) => ({ labels: { kind }, latency })),
    ),
    counter(
      'memoryhub.postgres.statement.rows',
      '{row}',
      'Rows that statements returned or changed, by kind',
      statements.map(({ kind, rows }) => [{ kind }, rows] as const),
    ),
    counter(
      'memoryhub.postgres.statement.errors',
      '{statement}',
      'Statements that failed, by kind',
      statements.map(({ kind, errors }) => [{ kind }, errors] as const),
    ),
  ];
}

function tableFamilies(tables: StatsFrame['tables']): Family[] {
  const rows = <T>(value: (table: StatsFrame['tables'][number]) => T) =>
    tables.map((table) => [{ table: table.name }, value(table)] as const);
  const scans = tables.flatMap(({ name, indexes }) =>
    indexes.map((index) => [{ table: name, index: index.name }, index.scans] as const),
  );
  return [
    gauge(
      'memoryhub.postgres.table.rows',
      '{row}',
      'Rows, as PostgreSQL estimates them',
      rows((table) => table.rowEstimate),
    ),
    gauge(
      'memoryhub.postgres.table.dead_rows',
      '{row}',
      'Dead rows that are not vacuumed yet',
      rows((table) => table.deadRows),
    ),
    gauge(
      'memoryhub.postgres.table.size',
      'By',
      'Bytes of the table without its indexes',
      rows((table) => table.tableBytes),
    ),
    gauge(
      'memoryhub.postgres.table.index.size',
      'By',
      'Bytes of its indexes',
      rows((table) => table.indexBytes),
    ),
    counter(
      'memoryhub.postgres.table.sequential_scans',
      '{scan}',
      'Scans of the whole table, since PostgreSQL began to count',
      rows((table) => table.sequentialScans),
    ),
    counter('memoryhub.postgres.index.scans', '{scan}', 'Scans of an index, since PostgreSQL began to count', scans),
  ];
}

function redisFamilies(redis: StatsFrame['redis']): Family[] {
  if (redis === undefined) return [];
  const { up, command, errors, usedBytes, maxBytes, keys } = redis;
  return [
    gauge('memoryhub.redis.up', '', 'Whether Redis answers', [[{}, up]]),
    latencyFamily('memoryhub.redis.command.duration', 'Time of a Redis command', [{ labels: {}, latency: command }]),
    counter('memoryhub.redis.errors', '{command}', 'Redis commands that failed', [[{}, errors]]),
    gauge('memoryhub.redis.memory.used', 'By', 'Memory Redis uses', [[{}, usedBytes]]),
    gauge('memoryhub.redis.memory.max', 'By', 'Memory Redis may use; 0: no limit', [[{}, maxBytes]]),
    gauge('memoryhub.redis.keys', '{key}', 'Keys in Redis', [[{}, keys]]),
  ];
}

function cacheFamilies(cache: StatsFrame['cache']): Family[] {
  if (cache === undefined) return [];
  const { localHits, redisHits, misses, refusedFills, localEntries, localBytes, localMaxBytes } = cache;
  return [
    counter('memoryhub.cache.reads', '{read}', 'Reads of memories by where they were answered', [
      [{ from: 'process' }, localHits],
      [{ from: 'redis' }, redisHits],
      [{ from: 'postgres' }, misses],
    ]),
    counter('memoryhub.cache.refused_fills', '{read}', 'Misses not kept because a write was under way', [
      [{}, refusedFills],
    ]),
    gauge('memoryhub.cache.entries', '{entry}', 'Entries in the cache of the process', [[{}, localEntries]]),
    gauge('memoryhub.cache.size', 'By', 'Bytes of these entries', [[{}, localBytes]]),
    gauge('memoryhub.cache.max_size', 'By', 'Bytes they may take', [[{}, localMaxBytes]]),
  ];
}

function sealFamilies(stats: StatsFrame['seal']): Family[] {
  if (stats === undefined) return [];
  const { entries, hits, misses, seal, open } = stats;
  return [
    latencyFamily('memoryhub.seal.duration', 'Time to seal or open a value, those found opened left out', [
      { labels: { operation: 'seal' }, latency: seal },
      { labels: { operation: 'open' }, latency: open },
    ]),
    gauge('memoryhub.seal.cache.entries', '{entry}', 'Data keys and opened values in the cache', [[{}, entries]]),
    counter('memoryhub.seal.cache.reads', '{read}', 'Reads of that cache by whether it had what was asked for', [
      [{ found: 'true' }, hits],
      [{ found: 'false' }, misses],
    ]),
  ];
}
