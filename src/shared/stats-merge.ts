import type {
  ClientStats,
  MethodStats,
  StatementStats,
  StatsEvent,
  StatsFrame,
} from './gen/memoryhub/v1/stats_service.ts';
import { addHistogram } from './histogram-wire.ts';
import {
  IN_TIME,
  mergeCache,
  mergeConnections,
  mergePostgres,
  mergeProcessesInTime,
  mergeRedis,
  mergeSeal,
  type Rule,
  SIDE_BY_SIDE,
} from './stats-gauges.ts';
import { microsFromTimestamp, msFromDuration } from './time.ts';

/** The most a frame carries however many are merged into it: what bounds a watcher's memory. */
export const FRAME_LIMITS = { clients: 256, events: 100, slowest: 10 } as const;

/** Name of the client into which those beyond the limit are folded. */
export const OTHER_CLIENTS = 'other';

/** A frame in which nothing happened. */
export function emptyFrame(): StatsFrame {
  return {
    sequence: 0n,
    bootId: '',
    at: undefined,
    covered: undefined,
    merged: 0,
    replica: '',
    version: '',
    bootTime: undefined,
    replayed: false,
    methods: [],
    clients: [],
    statements: [],
    tables: [],
    postgres: undefined,
    redis: undefined,
    cache: undefined,
    processes: [],
    connections: undefined,
    seal: undefined,
    shed: [],
    events: [],
    configLoadUs: 0n,
  };
}

/**
 * Adds the next frame of the same server: its stretch follows the target's. Counts and histograms
 * are exact; gauges are the later ones; shares of time are weighted by time; of loop delays the
 * worst is kept.
 *
 * @param target changed in place; shares nothing with `later` afterwards
 * @throws RangeError when histograms have different scales
 */
export function appendFrame(target: StatsFrame, later: StatsFrame): void {
  mergeProcessesInTime(target, later);
  // Those with an open stream are in every frame: who is missing has none.
  for (const client of target.clients) {
    client.streams = 0n;
    client.stalledStreams = 0n;
  }
  // A method that was ever called is in every frame: of one that is missing, the process that was called is gone.
  for (const method of target.methods) method.inFlight = 0n;
  addCounted(target, later, IN_TIME);
  target.covered = addDurations(target, later);
  target.at = later.at;
  target.merged += later.merged;
  target.sequence = later.sequence;
  target.bootId = later.bootId;
  target.replica = later.replica;
  target.version = later.version;
  target.bootTime = later.bootTime;
  target.configLoadUs = later.configLoadUs;
  target.replayed = later.replayed;
}

/**
 * Adds the frame of another process or replica for the same stretch. Frames are to be appended in
 * time first, each server for itself, and joined then: process ids repeat between machines.
 *
 * @param target changed in place; shares nothing with `other` afterwards
 * @throws RangeError when histograms have different scales
 */
export function joinFrame(target: StatsFrame, other: StatsFrame): void {
  for (const process of other.processes) target.processes.push({ ...process });
  addCounted(target, other, SIDE_BY_SIDE);
  if (other.covered && (!target.covered || msFromDuration(other.covered) > msFromDuration(target.covered))) {
    target.covered = other.covered;
  }
  if (other.at && (!target.at || microsFromTimestamp(other.at) > microsFromTimestamp(target.at))) target.at = other.at;
  target.merged = Math.max(target.merged, other.merged);
  target.bootId ||= other.bootId;
  target.replica ||= other.replica;
  target.version ||= other.version;
  target.bootTime ??= other.bootTime;
  if (other.configLoadUs > target.configLoadUs) target.configLoadUs = other.configLoadUs;
}

function addCounted(target: StatsFrame, from: StatsFrame, rule: Rule): void {
  mergeBy(target.methods, from.methods, methodKey, copyMethod, (into, method) => addMethod(into, method, rule));
  mergeBy(target.statements, from.statements, statementKey, copyStatement, addStatement);
  mergeBy(target.shed, from.shed, shedKey, copy, (into, shed) => {
    into.count += shed.count;
  });
  mergeBy(target.tables, from.tables, tableKey, copy, Object.assign);
  mergeBy(target.clients, from.clients, clientKey, copy, (into, client) => {
    addClient(into, client);
    into.streams = rule.bigint(into.streams, client.streams);
    into.stalledStreams = rule.bigint(into.stalledStreams, client.stalledStreams);
  });
  target.clients = boundedClients(target.clients);
  target.events = boundedEvents(target.events, from.events);
  target.postgres = mergePostgres(target.postgres, from.postgres, rule);
  target.redis = mergeRedis(target.redis, from.redis, rule);
  target.cache = mergeCache(target.cache, from.cache, rule);
  target.seal = mergeSeal(target.seal, from.seal, rule);
  target.connections = mergeConnections(target.connections, from.connections, rule);
}

const copy = <T extends object>(item: T): T => ({ ...item });
const methodKey = (method: MethodStats): string => method.method;
const statementKey = (statement: StatementStats): string => statement.kind;
const shedKey = (shed: { reason: string }): string => shed.reason;
const tableKey = (table: { name: string }): string => table.name;
const clientKey = (client: ClientStats): string => `${client.keyId} ${client.peer} ${client.keyName}`;

function mergeBy<T>(
  target: T[],
  from: readonly T[],
  keyOf: (item: T) => string | number,
  copyOf: (item: T) => T,
  add: (into: T, item: T) => void,
): void {
  if (from.length === 0) return;
  const byKey = new Map(target.map((item) => [keyOf(item), item]));
  for (const item of from) {
    const key = keyOf(item);
    const into = byKey.get(key);
    if (into === undefined) {
      const added = copyOf(item);
      target.push(added);
      byKey.set(key, added);
    } else {
      add(into, item);
    }
  }
}

function copyMethod(method: MethodStats): MethodStats {
  return {
    ...method,
    codes: method.codes.map(copy),
    latency: addHistogram(undefined, method.latency),
    stages: method.stages.map(({ stage, latency }) => ({ stage, latency: addHistogram(undefined, latency) })),
    slowest: method.slowest.slice(),
  };
}

function addMethod(into: MethodStats, method: MethodStats, rule: Rule): void {
  into.started += method.started;
  into.completed += method.completed;
  into.inFlight = rule.bigint(into.inFlight, method.inFlight);
  into.bytesReceived += method.bytesReceived;
  into.bytesSent += method.bytesSent;
  into.messagesSent += method.messagesSent;
  into.latency = addHistogram(into.latency, method.latency);
  mergeBy(
    into.codes,
    method.codes,
    ({ code }) => code,
    copy,
    (sum, code) => {
      sum.count += code.count;
    },
  );
  mergeBy(
    into.stages,
    method.stages,
    ({ stage }) => stage,
    ({ stage, latency }) => ({ stage, latency: addHistogram(undefined, latency) }),
    (sum, { latency }) => {
      sum.latency = addHistogram(sum.latency, latency);
    },
  );
  if (method.slowest.length > 0) {
    const slowness = (call: MethodStats['slowest'][number]): number =>
      call.duration === undefined ? 0 : msFromDuration(call.duration);
    into.slowest = [...into.slowest, ...method.slowest]
      .sort((a, b) => slowness(b) - slowness(a))
      .slice(0, FRAME_LIMITS.slowest);
  }
}

function copyStatement(statement: StatementStats): StatementStats {
  return { ...statement, latency: addHistogram(undefined, statement.latency) };
}

function addStatement(into: StatementStats, statement: StatementStats): void {
  into.latency = addHistogram(into.latency, statement.latency);
  into.rows += statement.rows;
  into.errors += statement.errors;
}

function addClient(into: ClientStats, client: ClientStats): void {
  into.calls += client.calls;
  into.errors += client.errors;
  into.refused += client.refused;
}

/** Keeps the busiest and folds the rest into one, so that many callers cannot fill the memory. */
function boundedClients(clients: ClientStats[]): ClientStats[] {
  if (clients.length <= FRAME_LIMITS.clients) return clients;
  const isOther = (client: ClientStats): boolean => client.keyName === OTHER_CLIENTS && client.keyId === '';
  const named = clients.filter((client) => !isOther(client)).sort((a, b) => Number(b.calls - a.calls));
  const kept = named.slice(0, FRAME_LIMITS.clients - 1);
  const other: ClientStats = {
    keyId: '',
    keyName: OTHER_CLIENTS,
    peer: '',
    calls: 0n,
    errors: 0n,
    streams: 0n,
    refused: 0n,
    stalledStreams: 0n,
  };
  for (const client of [...clients.filter(isOther), ...named.slice(kept.length)]) {
    addClient(other, client);
    other.streams += client.streams;
    other.stalledStreams += client.stalledStreams;
  }
  return [...kept, other];
}

function boundedEvents(target: StatsEvent[], from: readonly StatsEvent[]): StatsEvent[] {
  if (from.length === 0) return target;
  const time = (event: StatsEvent): number => (event.at === undefined ? 0 : microsFromTimestamp(event.at));
  return [...target, ...from].sort((a, b) => time(a) - time(b)).slice(-FRAME_LIMITS.events);
}

function addDurations(target: StatsFrame, later: StatsFrame): StatsFrame['covered'] {
  if (target.covered === undefined || later.covered === undefined) return later.covered ?? target.covered;
  const nanos = target.covered.nanos + later.covered.nanos;
  const carry = nanos >= 1e9 ? 1 : 0;
  return { seconds: target.covered.seconds + later.covered.seconds + BigInt(carry), nanos: nanos - carry * 1e9 };
}
