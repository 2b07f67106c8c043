import type { SlotEvent } from '../state/slot.ts';
import { type Line, printable } from '../terminal/line.ts';
import { formatClock } from './format.ts';

/** EventKind of something that got worse: REDIS_LOST, POSTGRES_LOST, WORKER_RESTARTED, ALERT_RAISED. */
const TROUBLE = new Set([2, 4, 6, 8]);

/** The newest events, newest first; trouble carries a sign. */
export function eventLines(events: readonly SlotEvent[], untilMs: number, height: number): readonly Line[] {
  const shown = events.filter(({ atMs }) => atMs <= untilMs).slice(0, height);
  if (shown.length === 0) return [[{ text: 'no events yet', tone: 'dim' }]];
  return shown.map(({ atMs, kind, text }) => {
    const trouble = TROUBLE.has(kind);
    return [
      trouble ? { text: '! ', tone: 'bad' } : '  ',
      { text: `${formatClock(atMs)}  `, tone: 'dim' },
      trouble ? { text: printable(text), tone: 'warn' } : printable(text),
    ];
  });
}
