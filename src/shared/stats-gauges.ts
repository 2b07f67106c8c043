import type {
  CacheStats,
  ConnectionStats,
  PostgresStats,
  ProcessStats,
  RedisStats,
  SealStats,
  StatsFrame,
  WaitStats,
} from './gen/memoryhub/v1/stats_service.ts';
import { addHistogram } from './histogram-wire.ts';
import { msFromDuration } from './time.ts';

/**
 * What becomes of a gauge: in time the later value stands, side by side values add up. Counts and
 * histograms add up either way.
 */
export interface Rule {
  readonly number: (target: number, from: number) => number;
  readonly bigint: (target: bigint, from: bigint) => bigint;
}
export const IN_TIME: Rule = { number: (_, later) => later, bigint: (_, later) => later };
export const SIDE_BY_SIDE: Rule = { number: (a, b) => a + b, bigint: (a, b) => a + b };

export function mergePostgres(
  target: PostgresStats | undefined,
  from: PostgresStats | undefined,
  rule: Rule,
): PostgresStats | undefined {
  if (from === undefined) return target;
  return {
    up: rule === IN_TIME ? from.up : from.up && (target?.up ?? true),
    poolMax: rule.number(target?.poolMax ?? 0, from.poolMax),
    poolSize: rule.number(target?.poolSize ?? 0, from.poolSize),
    poolBusy: rule.number(target?.poolBusy ?? 0, from.poolBusy),
    poolWaiting: rule.number(target?.poolWaiting ?? 0, from.poolWaiting),
    acquire: addHistogram(target?.acquire, from.acquire),
    query: addHistogram(target?.query, from.query),
    lost: (target?.lost ?? 0n) + from.lost,
    commitQueue: rule.number(target?.commitQueue ?? 0, from.commitQueue),
    commitRows: (target?.commitRows ?? 0n) + from.commitRows,
    commits: (target?.commits ?? 0n) + from.commits,
    putOff: (target?.putOff ?? 0n) + from.putOff,
    waits: addWaits(target?.waits ?? [], from.waits),
    waitLooks: (target?.waitLooks ?? 0n) + from.waitLooks,
  };
}

function addWaits(target: readonly WaitStats[], from: readonly WaitStats[]): WaitStats[] {
  const sums = new Map(target.map(({ event, sessions }) => [event, sessions]));
  for (const { event, sessions } of from) sums.set(event, (sums.get(event) ?? 0n) + sessions);
  return Array.from(sums, ([event, sessions]) => ({ event, sessions }));
}

/** Processes see one and the same Redis: what it says about itself is not added up. */
export function mergeRedis(
  target: RedisStats | undefined,
  from: RedisStats | undefined,
  rule: Rule,
): RedisStats | undefined {
  if (from === undefined) return target;
  const larger = (a: bigint | undefined, b: bigint): bigint => (rule === IN_TIME || a === undefined || b > a ? b : a);
  return {
    up: rule === IN_TIME ? from.up : from.up && (target?.up ?? true),
    command: addHistogram(target?.command, from.command),
    errors: (target?.errors ?? 0n) + from.errors,
    usedBytes: larger(target?.usedBytes, from.usedBytes),
    keys: larger(target?.keys, from.keys),
    maxBytes: larger(target?.maxBytes, from.maxBytes),
  };
}

export function mergeCache(
  target: CacheStats | undefined,
  from: CacheStats | undefined,
  rule: Rule,
): CacheStats | undefined {
  if (from === undefined) return target;
  return {
    localHits: (target?.localHits ?? 0n) + from.localHits,
    redisHits: (target?.redisHits ?? 0n) + from.redisHits,
    misses: (target?.misses ?? 0n) + from.misses,
    refusedFills: (target?.refusedFills ?? 0n) + from.refusedFills,
    localEntries: rule.bigint(target?.localEntries ?? 0n, from.localEntries),
    localBytes: rule.bigint(target?.localBytes ?? 0n, from.localBytes),
    localMaxBytes: rule.bigint(target?.localMaxBytes ?? 0n, from.localMaxBytes),
  };
}

export function mergeSeal(
  target: SealStats | undefined,
  from: SealStats | undefined,
  rule: Rule,
): SealStats | undefined {
  if (from === undefined) return target;
  return {
    entries: rule.bigint(target?.entries ?? 0n, from.entries),
    hits: (target?.hits ?? 0n) + from.hits,
    misses: (target?.misses ?? 0n) + from.misses,
    seal: addHistogram(target?.seal, from.seal),
    open: addHistogram(target?.open, from.open),
  };
}

export function mergeConnections(
  target: ConnectionStats | undefined,
  from: ConnectionStats | undefined,
  rule: Rule,
): ConnectionStats | undefined {
  if (from === undefined) return target;
  return {
    connections: rule.number(target?.connections ?? 0, from.connections),
    streams: rule.number(target?.streams ?? 0, from.streams),
    watchers: rule.number(target?.watchers ?? 0, from.watchers),
  };
}

export function mergeProcessesInTime(target: StatsFrame, later: StatsFrame): void {
  const before = target.covered === undefined ? 0 : msFromDuration(target.covered);
  const after = later.covered === undefined ? 0 : msFromDuration(later.covered);
  const weight = before + after === 0 ? 1 : after / (before + after);
  const mean = (a: number, b: number): number => a * (1 - weight) + b * weight;
  target.processes = later.processes.map((now): ProcessStats => {
    const then = target.processes.find(({ pid }) => pid === now.pid);
    if (then === undefined) return { ...now };
    return {
      ...now,
      cpu: mean(then.cpu, now.cpu),
      loopDelayP99Us: Math.max(then.loopDelayP99Us, now.loopDelayP99Us),
      loopUtilization: mean(then.loopUtilization, now.loopUtilization),
      gcShare: mean(then.gcShare, now.gcShare),
    };
  });
}
