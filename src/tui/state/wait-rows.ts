import { waitWords } from '../../shared/wait-words.ts';
import { total } from './over-slots.ts';
import type { Slot } from './slot.ts';

/** What sessions of the database waited for, on average so many at a time. */
export interface WaitRow {
  /** In an operator's words. */
  readonly what: string;
  /** PostgreSQL's own name of it. */
  readonly event: string;
  readonly sessions: number;
}

/** Waits of the window, the most first. Servers on one database all see the same sessions. */
export function waitRows(slots: readonly Slot[]): readonly WaitRow[] {
  const looks = total(slots, ({ gauges }) => gauges.postgres?.waitLooks);
  if (looks === 0) return [];
  const sums = new Map<string, number>();
  for (const { gauges } of slots) {
    for (const { event, count } of gauges.postgres?.waits ?? []) sums.set(event, (sums.get(event) ?? 0) + count);
  }
  return Array.from(sums, ([name, count]) => {
    return { ...waitWords(name), sessions: count / looks };
  }).sort((a, b) => b.sessions - a.sessions);
}
