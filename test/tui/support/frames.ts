import {
  type ClientStats,
  EventKind,
  type MethodStats,
  StatsFrame,
  type TableStats,
} from '../../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { LatencyHistogram } from '../../../src/shared/histogram.ts';
import { durationFromMs, timestampFromMs } from '../../../src/shared/time.ts';

/** 2026-11-23 14:22:07 UTC: the end of the recorded traffic. */
export const NOW_MS = Date.UTC(2026, 10, 23, 14, 22, 7);
export const BOOT_ID = '0193570e-0000-7000-8000-00000000000a';
const BOOT_MS = NOW_MS - (3 * 24 + 4) * 3_600_000;
const SERVICE = 'memoryhub.v1.MemoryService';

/** Calls a second at rest, median latency in microseconds, share of errors, code of the errors. */
const METHODS = [
  ['BatchGetMemories', 412, 6100, 0.0002, 4],
  ['SaveMemory', 388, 2900, 0.005, 3],
  ['GetMemory', 351, 600, 0, 5],
  ['ListMemories', 96, 3300, 0, 0],
  ['UpdateMemory', 28, 3000, 0.002, 10],
  ['DeleteMemory', 9, 1200, 0, 0],
] as const;

/** mulberry32: the same traffic in every run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A frame with nothing in it but who sent it and when. */
export function emptyFrame(change: Partial<StatsFrame> = {}): StatsFrame {
  return {
    ...StatsFrame.create(),
    sequence: 1n,
    bootId: BOOT_ID,
    at: timestampFromMs(NOW_MS),
    covered: durationFromMs(1000),
    merged: 1,
    replica: 'hub-1:50051',
    version: '1.4.0',
    bootTime: timestampFromMs(BOOT_MS),
    ...change,
  };
}

/** What a method did; latencies in microseconds. */
export function methodStats(
  name: string,
  latenciesUs: readonly number[],
  change: Partial<MethodStats> = {},
): MethodStats {
  const histogram = new LatencyHistogram();
  for (const us of latenciesUs) histogram.record(us);
  const count = BigInt(latenciesUs.length);
  return {
    method: `${SERVICE}/${name}`,
    started: count,
    completed: count,
    inFlight: 0n,
    bytesReceived: 300n * count,
    bytesSent: 300n * count,
    codes: count === 0n ? [] : [{ code: 0, count }],
    latency: histogram.toWire(),
    stages: [],
    slowest: [],
    messagesSent: 0n,
    ...change,
  };
}

/** One second of a busy server; `second` counts from 0, so that the same number is the same second. */
export function trafficFrame(second: number, change: Partial<StatsFrame> = {}): StatsFrame {
  const dice = random(second + 1);
  const load = 1 + 0.25 * Math.sin(second / 9) + 0.2 * dice();
  const methods = METHODS.map(([name, rate, medianUs, errorShare, errorCode]) => {
    const calls = Math.round(rate * load * (0.9 + 0.2 * dice()));
    const slowness = 1 + (second % 37 === 30 ? 4 : 0);
    const latencies = Array.from({ length: calls }, () => medianUs * slowness * logNormal(dice, 0.75));
    const errors = Math.round(calls * errorShare * 2 * dice());
    const codes = [{ code: 0, count: BigInt(calls - errors) }];
    if (errors > 0) codes.push({ code: errorCode, count: BigInt(errors) });
    return methodStats(name, latencies, {
      started: BigInt(calls + Math.round(dice() * 3)),
      inFlight: BigInt(Math.round((rate * medianUs) / 120_000)),
      codes,
    });
  });
  methods.push({ ...methodStats('WatchStats', []), method: 'memoryhub.v1.StatsService/WatchStats', inFlight: 2n });
  return emptyFrame({
    at: timestampFromMs(NOW_MS - (119 - second) * 1000),
    sequence: BigInt(second + 1),
    methods,
    events: eventsOf(second),
    shed: [],
    connections: { connections: 14, streams: 16, watchers: 2 },
    processes: [
      {
        pid: 4242,
        worker: 0,
        cpu: 0.3 + 0.1 * dice(),
        rssBytes: 211n << 20n,
        heapUsedBytes: 96n << 20n,
        externalBytes: 12n << 20n,
        loopDelayP99Us: 11_000,
        loopUtilization: 0.41,
        gcShare: 0.012,
      },
    ],
    ...gauges(dice),
    clients: clientsOf(methods, second),
    statements: statementsOf(random(second + 1000)),
    tables: second === 20 || second === 80 ? tablesAt(second) : [],
    ...change,
  });
}

/** The same second on a server that has no more to give: a full pool, calls turned away, a loop that lags. */
export function overloadedFrame(second: number): StatsFrame {
  const frame = trafficFrame(second);
  const { postgres, processes } = frame;
  return {
    ...frame,
    methods: frame.methods.map((method) => ({
      ...method,
      inFlight: method.inFlight * 40n,
      codes: method.codes.flatMap(({ code, count }) =>
        code === 0
          ? [
              { code, count: count - count / 4n },
              { code: 8, count: count / 8n },
              { code: 4, count: count / 4n - count / 8n },
            ]
          : [{ code, count }],
      ),
    })),
    clients: frame.clients.map((client) => ({
      ...client,
      errors: client.calls / 4n,
      refused: client.calls / 8n,
    })),
    postgres: postgres && { ...postgres, poolBusy: postgres.poolMax, poolWaiting: 83, commitQueue: 1240 },
    processes: processes.map((process) => ({
      ...process,
      cpu: 0.99,
      loopDelayP99Us: 412_000,
      loopUtilization: 1,
      gcShare: 0.21,
    })),
    shed: [{ reason: 'OVERLOADED', count: 190n }],
  };
}

/** Two services and an agent, and somebody with a key that was revoked. */
function clientsOf(methods: readonly MethodStats[], second: number): StatsFrame['clients'] {
  const calls = methods.reduce((sum, { completed }) => sum + completed, 0n);
  const client = (keyId: string, keyName: string, peer: string, change: Partial<ClientStats>): ClientStats => ({
    keyId,
    keyName,
    peer,
    calls: 0n,
    errors: 0n,
    refused: 0n,
    streams: 0n,
    stalledStreams: 0n,
    ...change,
  });
  return [
    client('01930f6e-7a3c-7c1e-9b1d-5a0c2e8f4d10', 'svc-planner', '10.1.4.17', {
      calls: (calls * 6n) / 10n,
      errors: 1n,
    }),
    client('01930f6e-7a3c-7c1e-9b1d-5a0c2e8f4d11', 'svc-review', '10.1.4.18', { calls: (calls * 3n) / 10n }),
    client('01930f6e-7a3c-7c1e-9b1d-5a0c2e8f4d12', 'agent-メモリ', '10.1.9.2', { calls: calls / 10n, errors: 2n }),
    client('01930f6e-7a3c-7c1e-9b1d-5a0c2e8f4d13', 'operator', '127.0.0.1', { streams: 2n }),
    ...(second % 5 === 0 ? [client('', '', '10.1.4.99', { calls: 3n, errors: 3n, refused: 3n })] : []),
  ];
}

const STATEMENTS = [
  ['write_changes', 2400, 52, 8],
  ['get_by_ids', 600, 34, 6],
  ['list_page', 3100, 12, 20],
] as const;

function statementsOf(dice: () => number): StatsFrame['statements'] {
  return STATEMENTS.map(([kind, medianUs, count, rows]) => {
    const latency = new LatencyHistogram();
    for (let i = 0; i < count; i++) latency.record(medianUs * logNormal(dice, 0.7));
    const failed = kind === 'list_page' && dice() > 0.98 ? 1n : 0n;
    return { kind, latency: latency.toWire(), rows: BigInt(count * rows), errors: failed };
  });
}

function tablesAt(second: number): StatsFrame['tables'] {
  const minutes = BigInt(Math.floor(second / 60));
  const table = (name: string, rows: bigint, change: Partial<TableStats>): TableStats => ({
    name,
    rowEstimate: rows,
    tableBytes: rows * 400n,
    indexBytes: rows * 160n,
    deadRows: rows / 50n,
    sequentialScans: 3n,
    indexes: ['pkey', 'change_no'].map((index, i) => ({
      name: `${name}_${index}`,
      bytes: rows * (100n - 40n * BigInt(i)),
      scans: 90_000n * minutes + BigInt(i),
    })),
    ...change,
  });
  return [
    table('memories', 1_284_000n, { sequentialScans: 7n + 14n * minutes }),
    table('memory_revisions', 3_900_000n, {}),
    table('request_log', 210_000n, { deadRows: 0n }),
  ];
}

function gauges(dice: () => number): Pick<StatsFrame, 'postgres' | 'redis' | 'cache'> {
  const histogram = (medianUs: number, count: number) => {
    const values = new LatencyHistogram();
    for (let i = 0; i < count; i++) values.record(medianUs * logNormal(dice, 0.8));
    return values.toWire();
  };
  return {
    postgres: {
      up: true,
      poolMax: 10,
      poolSize: 10,
      poolBusy: 5 + Math.floor(5 * dice()),
      poolWaiting: 0,
      acquire: histogram(120, 60),
      query: histogram(2400, 240),
      lost: 0n,
      commitQueue: 0,
      commitRows: 420n,
      commits: 52n,
      waits: [],
      waitLooks: 1n,
      putOff: 0n,
    },
    redis: {
      up: true,
      command: histogram(300, 200),
      errors: 0n,
      usedBytes: 84n << 20n,
      keys: 41_200n,
      maxBytes: 256n << 20n,
    },
    cache: {
      localHits: 0n,
      redisHits: 1000n,
      misses: 95n,
      refusedFills: 2n,
      localEntries: 512n,
      localBytes: 1_300_000n,
      localMaxBytes: 64n << 20n,
    },
  };
}

function eventsOf(second: number): StatsFrame['events'] {
  const at = timestampFromMs(NOW_MS - (119 - second) * 1000);
  if (second === 2) return [{ at, kind: EventKind.REDIS_LOST, text: 'Redis does not answer' }];
  if (second === 4) return [{ at, kind: EventKind.REDIS_BACK, text: 'Redis answers again after 1.8 s' }];
  if (second === 80)
    return [{ at, kind: EventKind.WORKER_RESTARTED, text: 'worker 2 died (SIGKILL) and was replaced' }];
  return [];
}

function logNormal(dice: () => number, sigma: number): number {
  return Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - dice())) * Math.cos(2 * Math.PI * dice()));
}
