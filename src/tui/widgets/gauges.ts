import type { LatencyHistogram } from '../../shared/histogram.ts';
import { merged, rate, total } from '../state/over-slots.ts';
import type { ProcessSlot, Slot } from '../state/slot.ts';
import { type Line, printable, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { packed } from './block.ts';
import { formatBytes, formatCount, formatLatency, formatProcessBytes, formatShare } from './format.ts';
import { meter } from './graph.ts';

/** Narrower panels show the number alone. */
const METER_FROM_WIDTH = 26;
const METER_WIDTH = 8;

/** An event loop this late is felt by every caller. */
const LATE_US = 100_000;

/** What a gauge panel says: the state now, and counts and latencies of the window. */
export interface GaugePanel {
  readonly title: string;
  readonly note: Line;
  readonly lines: readonly Line[];
}

/** The database: whether it answers, its pool, what statements take, how much a group commit carries. */
export function postgresGauges(slots: readonly Slot[], width: number, theme: Theme): GaugePanel {
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
      row(
        width,
        [
          ...label('pool'),
          ...bar(now.poolMax === 0 ? 0 : now.poolBusy / now.poolMax, width, true, theme),
          `${now.poolBusy}/${now.poolMax}`,
        ],
        field('wait', formatCount(now.poolWaiting), now.poolWaiting > 0),
      ),
      row(width, [...label('query'), ...percentiles(query, width)], [`${formatCount(rate(slots, query.count))}/s`]),
      row(width, field('acquire p99', latency(acquire, 0.99)), field('lost', formatCount(lost), lost > 0)),
      row(
        width,
        [
          ...field('commits', `${formatCount(rate(slots, commits))}/s`),
          ` of ${formatCount(commits === 0 ? 0 : commitRows / commits)}`,
        ],
        field('queue', formatCount(now.commitQueue)),
      ),
    ],
  };
}

/** Redis and the cache in the process before it. */
export function redisGauges(slots: readonly Slot[], width: number, theme: Theme): GaugePanel {
  const now = slots.at(-1)?.gauges;
  const lines: Line[] = [];
  if (now === undefined) return { title: 'Cache', note: [], lines: [dim('no data yet')] };
  const local = total(slots, ({ gauges }) => gauges.cache?.localHits);
  const remote = total(slots, ({ gauges }) => gauges.cache?.redisHits);
  const misses = total(slots, ({ gauges }) => gauges.cache?.misses);
  const reads = local + remote + misses;
  const share = reads === 0 ? 0 : (local + remote) / reads;
  const { redis, cache } = now;
  const hits: Line = reads === 0 ? dim('no reads') : [...bar(share, width, false, theme), formatShare(share)];
  lines.push(row(width, [...label('hit'), ...hits], [`${formatCount(rate(slots, reads))}/s`]));
  if (redis !== undefined) {
    const command = merged(slots, ({ gauges }) => gauges.redis?.command);
    const errors = total(slots, ({ gauges }) => gauges.redis?.errors);
    const most = redis.maxBytes > 0 ? `/${formatBytes(redis.maxBytes)}` : '';
    lines.push(
      row(width, [...label('cmd'), ...percentiles(command, width)], field('err', formatCount(errors), errors > 0)),
    );
    lines.push(
      row(width, field('mem', `${formatBytes(redis.usedBytes)}${most}`), field('keys', formatCount(redis.keys))),
    );
  }
  if (cache !== undefined) {
    const local = `${formatBytes(cache.localBytes)}/${formatBytes(cache.localMaxBytes)}`;
    lines.push(row(width, field('local', local), field('entries', formatCount(cache.localEntries))));
  }
  if (redis === undefined) lines.push(dim('no Redis configured'));
  return {
    title: redis === undefined ? 'Cache' : 'Redis and cache',
    note: redis === undefined ? [] : upOrDown(redis.up),
    lines,
  };
}

/** Redis alone: whether it answers, how fast, how full it is. */
export function redisOnly(slots: readonly Slot[], width: number, theme: Theme): GaugePanel {
  const now = slots.at(-1)?.gauges;
  const title = 'Redis';
  if (now?.redis === undefined) {
    return { title, note: [], lines: [dim(now === undefined ? 'no data yet' : 'none is configured')] };
  }
  const { up, usedBytes, maxBytes, keys } = now.redis;
  const command = merged(slots, ({ gauges }) => gauges.redis?.command);
  const errors = total(slots, ({ gauges }) => gauges.redis?.errors);
  const most = maxBytes > 0 ? `/${formatBytes(maxBytes)}` : '';
  const fill = maxBytes > 0 ? bar(usedBytes / maxBytes, width, true, theme) : [];
  return {
    title,
    note: upOrDown(up),
    lines: [
      row(width, [...label('command'), ...percentiles(command, width)]),
      row(width, field('max', latency(command, 1)), [`${formatCount(rate(slots, command.count))}/s`]),
      row(width, [...label('mem'), ...fill, `${formatBytes(usedBytes)}${most}`], field('keys', formatCount(keys))),
      row(width, field('errors', formatCount(errors), errors > 0)),
    ],
  };
}

/** The processes of the server together; the slowest loop of them. */
export function processGauges(slots: readonly Slot[], width: number, theme: Theme): GaugePanel {
  const now = slots.at(-1)?.gauges;
  if (now === undefined || now.processes.length === 0)
    return { title: 'Process', note: [], lines: [dim('no data yet')] };
  const { processes, connections } = now;
  const sum = (value: (process: (typeof processes)[number]) => number) => processes.reduce((s, p) => s + value(p), 0);
  const most = (value: (process: (typeof processes)[number]) => number) => Math.max(...processes.map(value));
  const cpu = sum((process) => process.cpu);
  const gc = most((process) => process.gcShare);
  const shed = shedText(slots);
  const many = processes.length > 1;
  const late = slowest(processes);
  return {
    title: many ? `Node, ${processes.length} processes` : 'Node',
    note: many ? [] : dim(`pid ${processes[0]?.pid ?? 0}`),
    lines: [
      row(
        width,
        [...label('cpu'), ...bar(cpu / processes.length, width, true, theme), formatShare(cpu)],
        field('gc', formatShare(gc), gc > 0.1),
      ),
      row(
        width,
        field('rss', formatProcessBytes(sum((process) => process.rssBytes))),
        field('heap', formatProcessBytes(sum((process) => process.heapUsedBytes))),
        field('ext', formatProcessBytes(sum((process) => process.externalBytes))),
      ),
      row(
        width,
        field('loop p99', formatLatency(most((process) => process.loopDelayP99Us)), late !== undefined),
        ...(late === undefined || late === '' ? [] : [field('at', printable(late))]),
        field('busy', formatShare(most((process) => process.loopUtilization))),
      ),
      row(
        width,
        ...(shed === undefined ? [] : [field('shed', shed, true)]),
        field('conns', formatCount(connections?.connections ?? 0)),
        field('streams', formatCount(connections?.streams ?? 0)),
        ...(shed === undefined ? [field('shed', '0')] : []),
      ),
    ],
  };
}

/** How many were turned away in the window, and what most of them for. */
function shedText(slots: readonly Slot[]): string | undefined {
  const sums = new Map<string, number>();
  for (const { reason, count } of slots.flatMap(({ gauges }) => gauges.shed)) {
    sums.set(reason, (sums.get(reason) ?? 0) + count);
  }
  const [first] = [...sums].sort(([, a], [, b]) => b - a);
  if (first === undefined || first[1] === 0) return undefined;
  return `${formatCount([...sums.values()].reduce((sum, count) => sum + count, 0))} ${printable(first[0])}`;
}

/** Whose event loop is late, where it is; '' when there is only one server. */
function slowest(processes: readonly ProcessSlot[]): string | undefined {
  const [worst] = [...processes].sort((a, b) => b.loopDelayP99Us - a.loopDelayP99Us);
  return worst === undefined || worst.loopDelayP99Us < LATE_US ? undefined : (worst.replica ?? '');
}

/** Fields side by side; in a narrow panel the last ones give way, never the end of a number. */
export function row(width: number, ...fields: readonly Line[]): Line {
  return packed(
    fields.map((line, i) => ({ line, weight: -i })),
    width,
  );
}

export function percentiles(histogram: LatencyHistogram, width: number): Line {
  const p99 = field('p99', latency(histogram, 0.99));
  return width < METER_FROM_WIDTH ? p99 : [...field('p50', latency(histogram, 0.5)), ' ', ...p99];
}

export function bar(share: number, width: number, alarming: boolean, theme: Theme): Line {
  return width < METER_FROM_WIDTH ? [] : [...meter(share, METER_WIDTH, alarming, theme), ' '];
}

export function latency(histogram: LatencyHistogram, quantile: number): string {
  return histogram.count === 0 ? '-' : formatLatency(histogram.percentile(quantile));
}

/** UP and DOWN are words; the colour only repeats them. */
export function upOrDown(up: boolean): Line {
  return [up ? { text: 'UP', tone: 'good', bold: true } : { text: '! DOWN', tone: 'bad', bold: true }];
}

export function label(name: string): Line {
  return [{ text: `${name} `, tone: 'dim' }];
}

export function field(name: string, value: string, alarming = false): readonly Span[] {
  return [{ text: `${name} `, tone: 'dim' }, alarming ? { text: `! ${value}`, tone: 'bad' } : { text: value }];
}

function dim(text: string): Line {
  return [{ text, tone: 'dim' }];
}
