import { LatencyHistogram, type WireHistogram } from '../../shared/histogram.ts';
import type { Slot } from '../state/slot.ts';
import type { Line, Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { formatBytes, formatCount, formatLatency, formatShare } from './format.ts';
import { meter } from './graph.ts';

const METER_WIDTH = 8;

/** What a gauge panel says: the state now, and counts and latencies of the window. */
export interface GaugePanel {
  readonly title: string;
  readonly note: Line;
  readonly lines: readonly Line[];
}

/** The database: whether it answers, its pool, what statements take, how much a group commit carries. */
export function postgresGauges(slots: readonly Slot[], theme: Theme): GaugePanel {
  const now = slots.at(-1)?.gauges.postgres;
  if (now === undefined) return { title: 'Postgres', note: [], lines: [dim('no data yet')] };
  const query = merged(slots, ({ gauges }) => gauges.postgres?.query);
  const acquire = merged(slots, ({ gauges }) => gauges.postgres?.acquire);
  const commits = total(slots, ({ gauges }) => gauges.postgres?.commits);
  const commitRows = total(slots, ({ gauges }) => gauges.postgres?.commitRows);
  const lost = total(slots, ({ gauges }) => gauges.postgres?.lost);
  return {
    title: 'Postgres',
    note: upOrDown(now.up),
    lines: [
      [
        ...label('pool'),
        ...meter(now.poolMax === 0 ? 0 : now.poolBusy / now.poolMax, METER_WIDTH, theme),
        ` ${now.poolBusy}/${now.poolMax} `,
        ...field('wait', String(now.poolWaiting), now.poolWaiting > 0),
      ],
      [...label('query'), ...percentiles(query), ` ${formatCount(rate(slots, query.count))}/s`],
      [...field('acquire p99', latency(acquire, 0.99)), '  ', ...field('lost', formatCount(lost), lost > 0)],
      [
        ...field('commits', `${formatCount(rate(slots, commits))}/s`),
        ` of ${formatCount(commits === 0 ? 0 : commitRows / commits)}  `,
        ...field('queue', formatCount(now.commitQueue)),
      ],
    ],
  };
}

/** Redis and the cache in the process before it. */
export function redisGauges(slots: readonly Slot[], theme: Theme): GaugePanel {
  const now = slots.at(-1)?.gauges;
  const lines: Line[] = [];
  if (now === undefined) return { title: 'Cache', note: [], lines: [dim('no data yet')] };
  const local = total(slots, ({ gauges }) => gauges.cache?.localHits);
  const remote = total(slots, ({ gauges }) => gauges.cache?.redisHits);
  const misses = total(slots, ({ gauges }) => gauges.cache?.misses);
  const reads = local + remote + misses;
  const share = reads === 0 ? 0 : (local + remote) / reads;
  const { redis, cache } = now;
  lines.push([
    ...label('hit'),
    ...(reads === 0
      ? dim('no reads')
      : [...meter(share, METER_WIDTH, theme), ` ${formatShare(share)}  ${formatCount(rate(slots, reads))}/s`]),
  ]);
  if (redis !== undefined) {
    const command = merged(slots, ({ gauges }) => gauges.redis?.command);
    const errors = total(slots, ({ gauges }) => gauges.redis?.errors);
    const most = redis.maxBytes > 0 ? `/${formatBytes(redis.maxBytes)}` : '';
    lines.push([...label('cmd'), ...percentiles(command), ' ', ...field('err', formatCount(errors), errors > 0)]);
    lines.push([
      ...field('mem', `${formatBytes(redis.usedBytes)}${most}`),
      '  ',
      ...field('keys', formatCount(redis.keys)),
    ]);
  }
  if (cache !== undefined) {
    lines.push([
      ...field('local', `${formatBytes(cache.localBytes)}/${formatBytes(cache.localMaxBytes)}`),
      '  ',
      ...field('entries', formatCount(cache.localEntries)),
    ]);
  }
  if (redis === undefined) lines.push(dim('no Redis configured'));
  return {
    title: redis === undefined ? 'Cache' : 'Redis and cache',
    note: redis === undefined ? [] : upOrDown(redis.up),
    lines,
  };
}

/** The processes of the server together; the slowest loop of them. */
export function processGauges(slots: readonly Slot[], theme: Theme): GaugePanel {
  const now = slots.at(-1)?.gauges;
  if (now === undefined || now.processes.length === 0)
    return { title: 'Process', note: [], lines: [dim('no data yet')] };
  const { processes, connections } = now;
  const sum = (value: (process: (typeof processes)[number]) => number) => processes.reduce((s, p) => s + value(p), 0);
  const most = (value: (process: (typeof processes)[number]) => number) => Math.max(...processes.map(value));
  const cpu = sum((process) => process.cpu);
  const shed =
    now.shed.length === 0 ? 0 : total(slots, ({ gauges }) => gauges.shed.reduce((s, { count }) => s + count, 0));
  const many = processes.length > 1;
  return {
    title: many ? `Node, ${processes.length} processes` : 'Node',
    note: many ? [] : dim(`pid ${processes[0]?.pid ?? 0}`),
    lines: [
      [
        ...label('cpu'),
        ...meter(cpu / processes.length, METER_WIDTH, theme),
        ` ${formatShare(cpu)}  `,
        ...field('gc', formatShare(most((process) => process.gcShare)), most((process) => process.gcShare) > 0.1),
      ],
      [
        ...field('rss', formatBytes(sum((process) => process.rssBytes))),
        '  ',
        ...field('heap', formatBytes(sum((process) => process.heapUsedBytes))),
        '  ',
        ...field('ext', formatBytes(sum((process) => process.externalBytes))),
      ],
      [
        ...field('loop p99', formatLatency(most((process) => process.loopDelayP99Us))),
        '  ',
        ...field('busy', formatShare(most((process) => process.loopUtilization))),
      ],
      [
        ...field('conns', formatCount(connections?.connections ?? 0)),
        '  ',
        ...field('streams', formatCount(connections?.streams ?? 0)),
        '  ',
        ...field('shed', formatCount(shed), shed > 0),
      ],
    ],
  };
}

function merged(slots: readonly Slot[], pick: (slot: Slot) => WireHistogram | undefined): LatencyHistogram {
  const sum = new LatencyHistogram();
  for (const slot of slots) {
    const histogram = pick(slot);
    if (histogram !== undefined) sum.addWire(histogram);
  }
  return sum;
}

function total(slots: readonly Slot[], pick: (slot: Slot) => number | undefined): number {
  return slots.reduce((sum, slot) => sum + (pick(slot) ?? 0), 0);
}

function rate(slots: readonly Slot[], count: number): number {
  const ms = slots.reduce((sum, slot) => sum + slot.coveredMs, 0);
  return ms === 0 ? 0 : (count * 1000) / ms;
}

function percentiles(histogram: LatencyHistogram): Line {
  return [...field('p50', latency(histogram, 0.5)), ' ', ...field('p99', latency(histogram, 0.99))];
}

function latency(histogram: LatencyHistogram, quantile: number): string {
  return histogram.count === 0 ? '-' : formatLatency(histogram.percentile(quantile));
}

/** UP and DOWN are words; the colour only repeats them. */
function upOrDown(up: boolean): Line {
  return [up ? { text: 'UP', tone: 'good', bold: true } : { text: '! DOWN', tone: 'bad', bold: true }];
}

function label(name: string): Line {
  return [{ text: `${name} `, tone: 'dim' }];
}

function field(name: string, value: string, alarming = false): readonly Span[] {
  return [{ text: `${name} `, tone: 'dim' }, alarming ? { text: `! ${value}`, tone: 'bad' } : { text: value }];
}

function dim(text: string): Line {
  return [{ text, tone: 'dim' }];
}
