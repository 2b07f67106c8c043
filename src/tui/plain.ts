import { methodRows } from './state/method-rows.ts';
import { isStale, type MonitorState, shownEndMs, shownSlot, shownSlots } from './state/state.ts';
import { type Summary, summarize } from './state/summary.ts';
import { alignRight, fitText, printable } from './terminal/line.ts';
import {
  formatClock,
  formatCount,
  formatLatency,
  formatPeriod,
  formatProcessBytes,
  formatShare,
} from './widgets/format.ts';

/** One line a frame, for pipes and screen readers: no column moves, every number has its name. */
export function plainLine(state: MonitorState): string {
  const slot = shownSlot(state);
  const { total } = summarize(shownSlots(state));
  const gauges = slot?.gauges;
  const parts = [
    `${formatClock(shownEndMs(state))}Z`,
    printable(slot?.replica || state.target),
    isStale(state) ? 'STALE' : 'LIVE',
    `${formatCount(total.rate)}/s`,
    `err ${formatShare(total.errorShare)}`,
    `in flight ${total.inFlight}`,
    ...latencies(total).map(([name, text]) => `${name} ${text}`),
  ];
  if (gauges?.postgres !== undefined) {
    const { up, poolBusy, poolMax } = gauges.postgres;
    parts.push(`postgres ${up ? 'up' : 'DOWN'} ${poolBusy}/${poolMax}`);
  }
  if (gauges?.redis !== undefined) parts.push(`redis ${gauges.redis.up ? 'up' : 'DOWN'}`);
  if (gauges !== undefined)
    parts.push(`rss ${formatProcessBytes(gauges.processes.reduce((sum, { rssBytes }) => sum + rssBytes, 0))}`);
  return parts.join('  ');
}

/** The window as a table, for `--once`. */
export function plainTable(state: MonitorState): string {
  const { methods } = summarize(shownSlots(state));
  const rows = methodRows(methods, state);
  const nameWidth = Math.max(6, ...rows.map(({ name }) => name.length));
  const heading = [
    'METHOD'.padEnd(nameWidth),
    ...['COUNT', 'REQ/S', 'ERR%', 'INFL', 'P50', 'P95', 'P99', 'MAX'].map(cell),
  ];
  const lines = rows.map((row) =>
    [
      fitText(printable(row.name), nameWidth),
      ...[formatCount(row.completed), formatCount(row.rate), formatShare(row.errorShare), String(row.inFlight)].map(
        cell,
      ),
      ...latencies(row).map(([, text]) => cell(text)),
    ].join(''),
  );
  const body = rows.length === 0 ? ['no calls in this window'] : [heading.join(''), ...lines];
  return [plainLine(state), `last ${formatPeriod(state.view.windowMs)}:`, ...body].join('\n');
}

function latencies({ latency }: Summary): readonly (readonly [name: string, text: string])[] {
  const text = (us: number) => (latency.count === 0 ? '-' : formatLatency(us));
  return [
    ['p50', text(latency.percentile(0.5))],
    ['p95', text(latency.percentile(0.95))],
    ['p99', text(latency.percentile(0.99))],
    ['max', text(latency.max)],
  ];
}

function cell(text: string): string {
  return alignRight(text, 9);
}
