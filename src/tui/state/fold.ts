import { compact } from '../../shared/compact-histogram.ts';
import { LatencyHistogram, type WireHistogram } from '../../shared/histogram.ts';
import type { ClientSlots, CodeTally, MethodSlot, Slot, StatementSlot } from './slot.ts';

const SLOWEST_KEPT = 10;

/**
 * Two neighbouring slots as one: counts and histograms are added, which is exact; gauges are those
 * of the later one.
 */
export function foldSlots(earlier: Slot, later: Slot): Slot {
  const methods = new Map(earlier.methods.map((method) => [method.name, method]));
  for (const method of later.methods) methods.set(method.name, foldMethods(methods.get(method.name), method));
  const { postgres, redis, cache } = earlier.gauges;
  const gauges = later.gauges;
  return {
    ...later,
    coveredMs: earlier.coveredMs + later.coveredMs,
    merged: earlier.merged + later.merged,
    methods: [...methods.values()],
    events: [...earlier.events, ...later.events],
    clients: foldClients(earlier.clients, later.clients),
    statements: foldStatements(earlier.statements, later.statements),
    tables: later.tables.length > 0 ? later.tables : earlier.tables,
    gauges: {
      ...gauges,
      postgres: gauges.postgres && {
        ...gauges.postgres,
        acquire: addHistograms(postgres?.acquire, gauges.postgres.acquire),
        query: addHistograms(postgres?.query, gauges.postgres.query),
        commitRows: gauges.postgres.commitRows + (postgres?.commitRows ?? 0),
        commits: gauges.postgres.commits + (postgres?.commits ?? 0),
        lost: gauges.postgres.lost + (postgres?.lost ?? 0),
        putOff: gauges.postgres.putOff + (postgres?.putOff ?? 0),
        waits: addByKey(postgres?.waits ?? [], gauges.postgres.waits, ({ event }) => event),
        waitLooks: gauges.postgres.waitLooks + (postgres?.waitLooks ?? 0),
      },
      redis: gauges.redis && {
        ...gauges.redis,
        command: addHistograms(redis?.command, gauges.redis.command),
        errors: gauges.redis.errors + (redis?.errors ?? 0),
      },
      cache: gauges.cache && {
        ...gauges.cache,
        localHits: gauges.cache.localHits + (cache?.localHits ?? 0),
        redisHits: gauges.cache.redisHits + (cache?.redisHits ?? 0),
        misses: gauges.cache.misses + (cache?.misses ?? 0),
        refusedFills: gauges.cache.refusedFills + (cache?.refusedFills ?? 0),
      },
      shed: addByKey(earlier.gauges.shed, gauges.shed, (entry) => entry.reason),
    },
  };
}

function foldMethods(earlier: MethodSlot | undefined, later: MethodSlot): MethodSlot {
  if (earlier === undefined) return later;
  const stages = new Map(earlier.stages.map(({ stage, latency }) => [stage, latency]));
  for (const { stage, latency } of later.stages) stages.set(stage, addHistograms(stages.get(stage), latency));
  return {
    name: later.name,
    started: earlier.started + later.started,
    completed: earlier.completed + later.completed,
    inFlight: later.inFlight,
    codes: addCodes(earlier.codes, later.codes),
    latency: addHistograms(earlier.latency, later.latency),
    stages: [...stages].map(([stage, latency]) => ({ stage, latency })),
    slowest: [...earlier.slowest, ...later.slowest].sort((a, b) => b.durationMs - a.durationMs).slice(0, SLOWEST_KEPT),
  };
}

/** Callers with an open stream are in every slot: one that is missing in the later has none. */
function foldClients(earlier: ClientSlots, later: ClientSlots): ClientSlots {
  const place = new Map(later.who.map((caller, i) => [caller, i]));
  const who = [...later.who];
  for (const caller of earlier.who) {
    if (place.has(caller)) continue;
    place.set(caller, who.length);
    who.push(caller);
  }
  const column = (name: 'calls' | 'errors' | 'refused') => {
    const sums = new Uint32Array(who.length);
    sums.set(later[name]);
    earlier.who.forEach((caller, i) => {
      const at = place.get(caller) as number;
      sums[at] = (sums[at] as number) + (earlier[name][i] as number);
    });
    return sums;
  };
  const streams = new Uint32Array(who.length);
  streams.set(later.streams);
  const stalled = new Uint32Array(who.length);
  stalled.set(later.stalled);
  return { who, calls: column('calls'), errors: column('errors'), refused: column('refused'), streams, stalled };
}

function foldStatements(earlier: readonly StatementSlot[], later: readonly StatementSlot[]): readonly StatementSlot[] {
  const sums = new Map(earlier.map((statement) => [statement.kind, statement]));
  for (const statement of later) {
    const before = sums.get(statement.kind);
    sums.set(statement.kind, {
      kind: statement.kind,
      latency: addHistograms(before?.latency, statement.latency),
      rows: statement.rows + (before?.rows ?? 0),
      errors: statement.errors + (before?.errors ?? 0),
    });
  }
  return [...sums.values()];
}

/** Counts by status code, added. */
export function addCodes(a: readonly CodeTally[], b: readonly CodeTally[]): readonly CodeTally[] {
  return addByKey(a, b, (tally) => tally.code);
}

function addByKey<T extends { readonly count: number }, K>(a: readonly T[], b: readonly T[], key: (item: T) => K): T[] {
  const sums = new Map(a.map((item) => [key(item), item]));
  for (const item of b) sums.set(key(item), { ...item, count: item.count + (sums.get(key(item))?.count ?? 0) });
  return [...sums.values()];
}

function addHistograms(a: WireHistogram | undefined, b: WireHistogram | undefined): WireHistogram | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const sum = LatencyHistogram.fromWire(a);
  sum.addWire(b);
  return compact(sum.toWire());
}
