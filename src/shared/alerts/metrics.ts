import { LatencyHistogram, type WireHistogram } from '../histogram.ts';
import type { Unit } from './quantity.ts';
import type { GaugeStretch } from './stretch.ts';
import type { CallTotals, WindowTotals } from './totals.ts';

/** Servers that are watched, and those of them that cannot be. Only a monitor knows. */
export interface Fleet {
  readonly targets: number;
  readonly down: number;
}

interface MetricBase {
  readonly unit: Unit;
  /** One line for the documentation. */
  readonly help: string;
  /** Whether it is made of a whole window; else it is what was so at its end. */
  readonly windowed: boolean;
}

/** Of the server: undefined where it is not known, as Redis' figures without Redis. */
export interface ServerMetric extends MetricBase {
  readonly read: (window: WindowTotals, fleet: Fleet | undefined) => number | undefined;
}

/** Of the calls of a method; undefined without any. */
export interface CallMetric extends MetricBase {
  readonly read: (calls: CallTotals, seconds: number) => number | undefined;
}

const percentile = (quantile: number, help: string): CallMetric => ({
  unit: 'time',
  windowed: true,
  help,
  read: ({ latency }) => (latency.count === 0 ? undefined : latency.percentile(quantile)),
});

const share = (part: number, whole: number) => (whole === 0 ? undefined : part / whole);

/** What can be said of a method's calls, after its name: `GetMemory.p99`. */
export const CALL_METRICS: Readonly<Record<string, CallMetric>> = {
  p50: percentile(0.5, 'the median latency'),
  p90: percentile(0.9, '90 % of the calls took at most so long'),
  p95: percentile(0.95, '95 % of the calls took at most so long'),
  p99: percentile(0.99, '99 % of the calls took at most so long'),
  p999: percentile(0.999, '99.9 % of the calls took at most so long'),
  max: percentile(1, 'the slowest call'),
  mean: {
    unit: 'time',
    windowed: true,
    help: 'the mean latency',
    read: ({ latency }) => (latency.count === 0 ? undefined : latency.mean),
  },
  rate: { unit: 'count', windowed: true, help: 'calls a second', read: ({ completed }, s) => share(completed, s) },
  count: { unit: 'count', windowed: true, help: 'calls in the window', read: ({ completed }) => completed },
  errors: {
    unit: 'share',
    windowed: true,
    help: 'share of the calls that ended neither OK nor CANCELLED',
    read: ({ errors, completed }) => share(errors, completed),
  },
  faults: {
    unit: 'share',
    windowed: true,
    help: "share of the calls that failed by the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS",
    read: ({ faults, completed }) => share(faults, completed),
  },
  in_flight: { unit: 'count', windowed: false, help: 'calls under way', read: ({ inFlight }) => inFlight },
};

type Processes = GaugeStretch['processes'];

const now = (unit: Unit, help: string, read: (gauges: GaugeStretch) => number | undefined): ServerMetric => ({
  unit,
  help,
  windowed: false,
  read: ({ last }) => (last === undefined ? undefined : read(last.gauges)),
});

const ofProcesses = (unit: Unit, help: string, read: (processes: Processes) => number): ServerMetric =>
  now(unit, help, ({ processes }) => (processes.length === 0 ? undefined : read(processes)));

const worst = (processes: Processes, value: (process: Processes[number]) => number) =>
  Math.max(...processes.map(value));

const sum = <T>(items: readonly T[], value: (item: T) => number) =>
  items.reduce((total, item) => total + value(item), 0);

const p99 = (help: string, of: (gauges: GaugeStretch) => WireHistogram | undefined): ServerMetric => ({
  unit: 'time',
  windowed: true,
  help,
  read: ({ stretches }) => {
    const merged = new LatencyHistogram();
    for (const { gauges } of stretches) {
      const histogram = of(gauges);
      if (histogram !== undefined) merged.addWire(histogram);
    }
    return merged.count === 0 ? undefined : merged.percentile(0.99);
  },
});

const counted = (unit: Unit, help: string, read: (window: WindowTotals) => number | undefined): ServerMetric => ({
  unit,
  help,
  windowed: true,
  read: (window) => (window.last === undefined ? undefined : read(window)),
});

const flag = (value: boolean | undefined) => (value === undefined ? undefined : Number(value));

const SEAL_P99 = p99('99th percentile of sealing', ({ seal }) => seal?.seal);
const OPEN_P99 = p99('99th percentile of opening', ({ seal }) => seal?.open);

/** What can be said of the server as a whole. */
export const SERVER_METRICS: Readonly<Record<string, ServerMetric>> = {
  rss: ofProcesses('bytes', 'resident memory of all its processes', (all) => sum(all, (one) => Number(one.rssBytes))),
  'rss.process': ofProcesses('bytes', 'resident memory of its largest process', (all) =>
    worst(all, ({ rssBytes }) => Number(rssBytes)),
  ),
  heap: ofProcesses('bytes', 'JavaScript heap in use, of all its processes', (all) =>
    sum(all, (one) => Number(one.heapUsedBytes)),
  ),
  cpu: ofProcesses('share', 'processor time, of all its processes: 100 % is a core', (all) =>
    sum(all, (one) => one.cpu),
  ),
  processes: now('count', 'processes that serve', ({ processes }) => processes.length),
  'loop.delay': ofProcesses('time', '99th percentile of event loop delay, of the worst process', (all) =>
    worst(all, (one) => one.loopDelayP99Us),
  ),
  'loop.busy': ofProcesses('share', 'share of the time the event loop was busy, of the worst process', (all) =>
    worst(all, (one) => one.loopUtilization),
  ),
  gc: ofProcesses('share', 'share of the time spent collecting garbage, of the worst process', (all) =>
    worst(all, (one) => one.gcShare),
  ),
  'postgres.up': now('flag', '1 while Postgres answers, else 0', ({ postgres }) => flag(postgres?.up)),
  'postgres.query.p99': p99('99th percentile of statements', ({ postgres }) => postgres?.query),
  'postgres.lost': counted('count', 'connections lost in the window', ({ stretches }) =>
    sum(stretches, ({ gauges }) => Number(gauges.postgres?.lost ?? 0)),
  ),
  'pool.waiting': now('count', 'callers waiting for a connection', ({ postgres }) => postgres?.poolWaiting),
  'pool.busy': now('share', 'connections in use, of those allowed', ({ postgres }) =>
    postgres === undefined ? undefined : share(postgres.poolBusy, postgres.poolMax),
  ),
  'pool.acquire.p99': p99('99th percentile of the wait for a connection', ({ postgres }) => postgres?.acquire),
  'commit.queue': now('count', 'rows waiting for the next group commit', ({ postgres }) => postgres?.commitQueue),
  'redis.up': now('flag', '1 while Redis answers, else 0; nothing without Redis', ({ redis }) => flag(redis?.up)),
  'redis.command.p99': p99('99th percentile of Redis commands', ({ redis }) => redis?.command),
  'redis.errors': counted('count', 'Redis commands that failed in the window', ({ stretches }) =>
    sum(stretches, ({ gauges }) => Number(gauges.redis?.errors ?? 0)),
  ),
  'redis.memory': now('share', "Redis' memory in use, of its limit", ({ redis }) =>
    redis === undefined ? undefined : share(Number(redis.usedBytes), Number(redis.maxBytes)),
  ),
  'cache.hits': counted('share', 'reads the cache answered, in the window', ({ stretches }) => {
    const of = (name: 'localHits' | 'redisHits' | 'misses') =>
      sum(stretches, ({ gauges }) => Number(gauges.cache?.[name] ?? 0));
    const hits = of('localHits') + of('redisHits');
    return share(hits, hits + of('misses'));
  }),
  shed: counted('count', 'calls and connections turned away in the window', ({ stretches }) =>
    sum(stretches, ({ gauges }) => sum(gauges.shed, ({ count }) => Number(count))),
  ),
  connections: now('count', 'client connections', ({ connections }) => connections?.connections),
  streams: now('count', 'calls and streams open', ({ connections }) => connections?.streams),
  watchers: now('count', 'monitors that watch it', ({ connections }) => connections?.watchers),
  'seal.p99': {
    unit: 'time',
    windowed: true,
    help: '99th percentile of sealing a secret or of opening one, whichever takes longer',
    read: (window, fleet) => {
      const both = [SEAL_P99, OPEN_P99].map(({ read }) => read(window, fleet)).filter((value) => value !== undefined);
      return both.length === 0 ? undefined : Math.max(...both);
    },
  },
  'config.load': now(
    'time',
    'time the configuration took to load',
    ({ configLoadUs }) => Number(configLoadUs) || undefined,
  ),
  targets: { unit: 'count', windowed: false, help: 'servers that are watched', read: (_, fleet) => fleet?.targets },
  'targets.down': {
    unit: 'count',
    windowed: false,
    help: 'servers that are watched and do not answer',
    read: (_, fleet) => fleet?.down,
  },
};
