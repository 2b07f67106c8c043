import { CODE_NAMES } from '../../shared/rpc-error.ts';
import { clientRows } from '../state/client-rows.ts';
import { eventKindName, eventRows, isTrouble } from '../state/event-rows.ts';
import { atCursor, methodDetail } from '../state/method-detail.ts';
import { methodRows, selectedIndex } from '../state/method-rows.ts';
import { type MonitorState, shownSlot, shownSlots, shownSummary } from '../state/state.ts';
import { statementRows, tableSizes } from '../state/store-rows.ts';
import type { Summary } from '../state/summary.ts';
import { printable } from '../terminal/line.ts';
import {
  formatBytes,
  formatClock,
  formatCount,
  formatLatency,
  formatPeriod,
  formatProcessBytes,
  formatShare,
} from '../widgets/format.ts';

/** A screen in sentences. */
export interface Spoken {
  readonly before: readonly string[];
  /** One sentence a row. */
  readonly list: readonly string[];
  /** The row under the cursor. */
  readonly selected?: number | undefined;
}

export function spokenOverview(state: MonitorState): Spoken {
  const { total } = shownSummary(state);
  const gauges = shownSlot(state)?.gauges;
  const { list, selected } = spokenMethods(state);
  const shed = shownSlots(state).reduce(
    (sum, slot) => sum + slot.gauges.shed.reduce((s, { count }) => s + count, 0),
    0,
  );
  const before = [`All calls over ${formatPeriod(state.view.windowMs)}: ${callsText(total)}.`];
  if (shed > 0) before.push(`Trouble: ${formatCount(shed)} calls were turned away.`);
  if (gauges?.postgres !== undefined) {
    const { up, poolBusy, poolMax, poolWaiting, commitQueue } = gauges.postgres;
    before.push(
      `Postgres ${up ? 'is up' : 'is DOWN'}: ${poolBusy} of ${poolMax} connections busy, ${poolWaiting} callers waiting, ${commitQueue} rows queued.`,
    );
  }
  if (gauges?.redis !== undefined) {
    before.push(`Redis ${gauges.redis.up ? 'is up' : 'is DOWN'}: ${formatBytes(gauges.redis.usedBytes)} in use.`);
  }
  for (const { pid, cpu, rssBytes, loopDelayP99Us } of gauges?.processes ?? []) {
    before.push(
      `Process ${pid}: ${formatShare(cpu)} of a core, ${formatProcessBytes(rssBytes)} resident, loop delay p99 ${formatLatency(loopDelayP99Us)}.`,
    );
  }
  const [newest] = spokenEvents(state).list;
  if (newest !== undefined) before.push(`Newest event: ${newest}`);
  return { before, list, selected };
}

export function spokenMethods(state: MonitorState): Spoken {
  const rows = methodRows(shownSummary(state).methods, state);
  const list = rows.map((row) =>
    row.watch ? `${printable(row.name)}: ${row.inFlight} open streams.` : `${printable(row.name)}: ${callsText(row)}.`,
  );
  const before = [`${rows.length} methods over ${formatPeriod(state.view.windowMs)}, sorted by ${state.view.sort}.`];
  return { before, list, selected: list.length === 0 ? undefined : selectedIndex(rows, state.view) };
}

function callsText({ rate, errorShare, inFlight, latency }: Summary): string {
  const calls = `${formatCount(rate)} calls per second, ${formatShare(errorShare)} errors, ${inFlight} in flight`;
  if (latency.count === 0) return calls;
  const at = (quantile: number) => formatLatency(latency.percentile(quantile));
  return `${calls}, p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, maximum ${formatLatency(latency.max)}`;
}

export function spokenMethod(state: MonitorState): Spoken {
  const name = state.view.selected ?? '';
  const { now, window, history, boot, stages, slowest } = methodDetail(state, name);
  const stretches = [
    ['Now', now],
    [`Over ${formatPeriod(state.view.windowMs)}`, window],
    ['Over 10 minutes', history],
    ['Since the start of the server', boot],
  ] as const;
  const before = [
    `Method ${printable(name)}.`,
    ...stretches.map(([title, summary]) => `${title}: ${summary === undefined ? 'not known' : callsText(summary)}.`),
    ...stages.map(
      ({ stage, share, latency }) =>
        `Stage ${STAGES[stage] ?? stage}: ${formatShare(share)} of the time, p99 ${formatLatency(latency.percentile(0.99))}.`,
    ),
    ...(window?.codes ?? []).map(({ code, count }) => `${CODE_NAMES[code] ?? code}: ${formatCount(count)} calls.`),
  ];
  const cursor = atCursor(state, name);
  if (cursor !== undefined) {
    before.push(
      `At ${formatClock(cursor.endMs)}: ${cursor.summary === undefined ? 'no calls' : callsText(cursor.summary)}.`,
    );
  }
  const list = slowest.map(
    ({ durationMs, atMs, code, traceId }) =>
      `slow call of ${formatLatency(durationMs * 1000)} at ${formatClock(atMs)}, ${CODE_NAMES[code] ?? code}, ${traceId === '' ? 'not traced' : `trace ${traceId}`}.`,
  );
  return { before, list, selected: list.length === 0 ? undefined : state.view.slowRow };
}

const STAGES = ['', 'decode', 'auth', 'domain', 'cache', 'database', 'encode'];

export function spokenStore(state: MonitorState): Spoken {
  const { before } = spokenOverview(state);
  const stores = before.filter((text) => /^(Postgres|Redis)/.test(text));
  const cache = shownSlots(state).reduce(
    (sum, { gauges }) => ({
      local: sum.local + (gauges.cache?.localHits ?? 0),
      redis: sum.redis + (gauges.cache?.redisHits ?? 0),
      missed: sum.missed + (gauges.cache?.misses ?? 0),
    }),
    { local: 0, redis: 0, missed: 0 },
  );
  const reads = cache.local + cache.redis + cache.missed;
  const share = (count: number) => formatShare(reads === 0 ? 0 : count / reads);
  const tables = tableSizes(state).rows.filter(({ isIndex }) => !isIndex);
  const rows = statementRows(state);
  return {
    before: [
      ...stores,
      `Cache: ${share(cache.local)} from the process, ${share(cache.redis)} from Redis, ${share(cache.missed)} missed.`,
      ...tables.map(
        ({ name, rows: count, bytes, indexBytes }) =>
          `Table ${printable(name)}: ${formatCount(count ?? 0)} rows, ${formatBytes(bytes)}, indexes ${formatBytes(indexBytes ?? 0)}.`,
      ),
    ],
    list: rows.map(
      ({ kind, latency, rate, errors }) =>
        `statement ${printable(kind)}: ${formatCount(rate)} per second, p50 ${formatLatency(latency.percentile(0.5))}, p99 ${formatLatency(latency.percentile(0.99))}, ${errors} errors.`,
    ),
    selected: rows.length === 0 ? undefined : Math.min(state.view.statements.row, rows.length - 1),
  };
}

export function spokenClients(state: MonitorState): Spoken {
  const rows = clientRows(state);
  return {
    before: [`${rows.length} clients over ${formatPeriod(state.view.windowMs)}.`],
    list: rows.map(
      ({ keyName, keyId, peer, rate, errors, refused, streams }) =>
        `${printable(keyName || keyId) || 'no valid key'} from ${printable(peer) || 'unknown'}: ${formatCount(rate)} calls per second, ${errors} errors, ${refused} refused, ${streams} open streams.`,
    ),
    selected: rows.length === 0 ? undefined : Math.min(state.view.clients.row, rows.length - 1),
  };
}

export function spokenEvents(state: MonitorState): Spoken {
  const rows = eventRows(state);
  return {
    before: [`${rows.length} events, newest first.`],
    list: rows.map(
      (event) =>
        `${isTrouble(event) ? 'trouble, ' : ''}${eventKindName(event.kind)} at ${formatClock(event.atMs)}: ${printable(event.text)}.`,
    ),
    selected: rows.length === 0 ? undefined : Math.min(state.view.events.row, rows.length - 1),
  };
}
