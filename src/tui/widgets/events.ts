import { isTrouble } from '../state/event-rows.ts';
import type { SlotEvent } from '../state/slot.ts';
import { type Line, printable } from '../terminal/line.ts';
import { formatClock } from './format.ts';

/** The newest events, newest first; trouble carries a sign. */
export function eventLines(events: readonly SlotEvent[], untilMs: number, height: number): readonly Line[] {
  const shown = events.filter(({ atMs }) => atMs <= untilMs).slice(0, height);
  if (shown.length === 0) return [[{ text: 'no events yet', tone: 'dim' }]];
  return shown.map((event) => {
    const { atMs, text } = event;
    const trouble = isTrouble(event);
    return [
      trouble ? { text: '! ', tone: 'bad' } : '  ',
      { text: `${formatClock(atMs)}  `, tone: 'dim' },
      trouble ? { text: printable(text), tone: 'warn' } : printable(text),
    ];
  });
}
