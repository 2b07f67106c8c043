import { compact } from '../../shared/compact-histogram.ts';
import type {
  CacheStats,
  ClientStats,
  ConnectionStats,
  MethodStats,
  ProcessStats,
  StatsFrame,
} from '../../shared/gen/memoryhub/v1/stats_service.ts';
import type { WireHistogram } from '../../shared/histogram.ts';
import { shortMethodName } from '../../shared/method-name.ts';
import { msFromDuration, msFromTimestamp } from '../../shared/time.ts';
import { callerOf, interned } from './interned.ts';

/** A frame as the history keeps it: plain numbers and typed arrays, about 6 KB for a busy second. */
export interface Slot {
  /** End of the stretch, by the server's clock. Milliseconds since 1970. */
  readonly endMs: number;
  readonly coveredMs: number;
  readonly sequence: number;
  /** Frames folded into this one by a server whose reader was slow. */
  readonly merged: number;
  readonly bootId: string;
  readonly bootMs: number;
  readonly replica: string;
  /** Servers it is made of; 1 unless several were merged. */
  readonly replicas: number;
  readonly version: string;
  readonly methods: readonly MethodSlot[];
  readonly gauges: Gauges;
  readonly clients: ClientSlots;
  readonly statements: readonly StatementSlot[];
  /** In the slot of the minute in which they were taken; else empty. */
  readonly tables: readonly TableSlot[];
  readonly events: readonly SlotEvent[];
}

/** Who called, column by column: 256 callers a second for 15 minutes are 5 MB this way, and 20 MB as objects. */
export interface ClientSlots {
  readonly who: readonly Caller[];
  readonly calls: Uint32Array;
  readonly errors: Uint32Array;
  /** Of the errors. */
  readonly refused: Uint32Array;
  /** Open at the end. */
  readonly streams: Uint32Array;
  /** Of the streams, those nothing is read of. */
  readonly stalled: Uint32Array;
}

/** One key from one address; the same object in every slot. */
export interface Caller {
  readonly keyId: string;
  readonly keyName: string;
  readonly peer: string;
}

export interface StatementSlot {
  readonly kind: string;
  readonly latency: WireHistogram | undefined;
  readonly rows: number;
  readonly errors: number;
}

export interface TableSlot {
  readonly name: string;
  readonly rowEstimate: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
  readonly deadRows: number;
  /** Scans of the whole table, since the database began to count. */
  readonly sequentialScans: number;
  readonly indexes: readonly { readonly name: string; readonly bytes: number; readonly scans: number }[];
}

export interface MethodSlot {
  readonly name: string;
  readonly started: number;
  readonly completed: number;
  readonly inFlight: number;
  readonly codes: readonly CodeTally[];
  readonly latency: WireHistogram | undefined;
  readonly stages: readonly StageSlot[];
  readonly slowest: readonly SlowCallSlot[];
}

export interface CodeTally {
  /** google.rpc.Code. */
  readonly code: number;
  readonly count: number;
}

export interface StageSlot {
  /** Number of memoryhub.v1.Stage. */
  readonly stage: number;
  readonly latency: WireHistogram | undefined;
}

export interface SlowCallSlot {
  readonly atMs: number;
  readonly durationMs: number;
  readonly code: number;
  readonly traceId: string;
}

export interface SlotEvent {
  readonly atMs: number;
  /** Number of memoryhub.v1.EventKind. */
  readonly kind: number;
  readonly text: string;
  /** Found out by this monitor, not told by the server. */
  readonly own?: true;
}

/** What is so at the end of the stretch, and the counts and histograms of it that are not by method. */
export interface Gauges {
  readonly postgres: PostgresGauges | undefined;
  readonly redis: RedisGauges | undefined;
  readonly cache: Numbers<CacheStats> | undefined;
  readonly seal: SealGauges | undefined;
  readonly processes: readonly ProcessSlot[];
  readonly connections: ConnectionStats | undefined;
  readonly shed: readonly { readonly reason: string; readonly count: number }[];
  /** Microseconds; 0: not known. */
  readonly configLoadUs: number;
}

/** A process, and whose it is where several servers were merged. */
export type ProcessSlot = Numbers<ProcessStats> & { readonly replica?: string };

/** Sealing of secrets. */
export interface SealGauges {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
  readonly seal: WireHistogram | undefined;
  readonly open: WireHistogram | undefined;
}

export interface PostgresGauges {
  readonly up: boolean;
  readonly poolMax: number;
  readonly poolSize: number;
  readonly poolBusy: number;
  readonly poolWaiting: number;
  readonly acquire: WireHistogram | undefined;
  readonly query: WireHistogram | undefined;
  readonly lost: number;
  readonly commitQueue: number;
  readonly commitRows: number;
  readonly commits: number;
  /** Writes put off for an earlier one of the same memory. */
  readonly putOff: number;
  /** Sessions seen waiting, all looks together. */
  readonly waits: readonly WaitTally[];
  readonly waitLooks: number;
}

export interface WaitTally {
  /** PostgreSQL's wait event type and wait event. */
  readonly event: string;
  readonly count: number;
}

export interface RedisGauges {
  readonly up: boolean;
  readonly command: WireHistogram | undefined;
  readonly errors: number;
  readonly usedBytes: number;
  readonly maxBytes: number;
  readonly keys: number;
}

/** A message of the contract with its 64-bit counts as numbers. */
export type Numbers<T> = { readonly [K in keyof T]: T[K] extends bigint ? number : T[K] };

/** Reads a frame of the wire. */
export function slotOf(frame: StatsFrame): Slot {
  return {
    endMs: frame.at === undefined ? 0 : msFromTimestamp(frame.at),
    coveredMs: frame.covered === undefined ? 0 : msFromDuration(frame.covered),
    sequence: Number(frame.sequence),
    merged: Math.max(frame.merged, 1),
    bootId: frame.bootId,
    bootMs: frame.bootTime === undefined ? 0 : msFromTimestamp(frame.bootTime),
    replica: frame.replica,
    replicas: 1,
    version: frame.version,
    methods: frame.methods.map(methodSlot),
    gauges: gaugesOf(frame),
    clients: clientSlots(frame.clients),
    statements: frame.statements.map(({ kind, latency, rows, errors }) => ({
      kind: interned(kind),
      latency: compact(latency),
      rows: Number(rows),
      errors: Number(errors),
    })),
    tables: frame.tables.map((table) => ({ ...numbers(table), indexes: table.indexes.map(numbers) })),
    events: frame.events.map(({ at, kind, text }) => ({
      atMs: at === undefined ? 0 : msFromTimestamp(at),
      kind,
      text,
    })),
  };
}

function clientSlots(clients: readonly ClientStats[]): ClientSlots {
  const column = (value: (client: ClientStats) => bigint) =>
    Uint32Array.from(clients, (client) => Number(value(client)));
  return {
    who: clients.map(({ keyId, keyName, peer }) => callerOf(keyId, keyName, peer)),
    calls: column(({ calls }) => calls),
    errors: column(({ errors }) => errors),
    refused: column(({ refused }) => refused),
    streams: column(({ streams }) => streams),
    stalled: column(({ stalledStreams }) => stalledStreams),
  };
}

function methodSlot(stats: MethodStats): MethodSlot {
  return {
    name: shortMethodName(stats.method),
    started: Number(stats.started),
    completed: Number(stats.completed),
    inFlight: Number(stats.inFlight),
    codes: stats.codes.map(({ code, count }) => ({ code, count: Number(count) })),
    latency: compact(stats.latency),
    stages: stats.stages.map(({ stage, latency }) => ({ stage, latency: compact(latency) })),
    slowest: stats.slowest.map(({ at, duration, code, traceId }) => ({
      atMs: at === undefined ? 0 : msFromTimestamp(at),
      durationMs: duration === undefined ? 0 : msFromDuration(duration),
      code,
      traceId,
    })),
  };
}

function gaugesOf({ postgres, redis, cache, seal, processes, connections, shed, configLoadUs }: StatsFrame): Gauges {
  return {
    postgres: postgres && {
      ...postgres,
      acquire: compact(postgres.acquire),
      query: compact(postgres.query),
      lost: Number(postgres.lost),
      commitRows: Number(postgres.commitRows),
      commits: Number(postgres.commits),
      putOff: Number(postgres.putOff),
      waits: postgres.waits.map(({ event, sessions }) => ({ event: interned(event), count: Number(sessions) })),
      waitLooks: Number(postgres.waitLooks),
    },
    redis: redis && { ...numbers(redis), command: compact(redis.command) },
    cache: cache && numbers(cache),
    seal: seal && { ...numbers(seal), seal: compact(seal.seal), open: compact(seal.open) },
    processes: processes.map(numbers),
    connections,
    shed: shed.map(({ reason, count }) => ({ reason, count: Number(count) })),
    configLoadUs: Number(configLoadUs),
  };
}

function numbers<T extends object>(message: T): Numbers<T> {
  const entries = Object.entries(message).map(([name, value]) => [
    name,
    typeof value === 'bigint' ? Number(value) : value,
  ]);
  return Object.fromEntries(entries) as Numbers<T>;
}
