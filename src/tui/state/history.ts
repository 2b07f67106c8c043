import { foldSlots } from './fold.ts';
import type { Slot } from './slot.ts';

/** How far back the monitor remembers. */
export const HISTORY_MS = 15 * 60_000;
/** At more than a frame a second, older frames are folded to keep memory bounded. */
const MAX_SLOTS = 1200;
/** Folded slots do not get longer than this. */
const FOLD_TO_MS = 1000;

/** The last 15 minutes, oldest first. */
export type History = readonly Slot[];

/**
 * Adds a frame that just happened. The server's clock may step back; the history's does not.
 */
export function append(history: History, slot: Slot): History {
  const last = history.at(-1);
  const next = last !== undefined && slot.endMs < last.endMs ? { ...slot, endMs: last.endMs } : slot;
  const kept = history.filter(({ endMs }) => endMs > next.endMs - HISTORY_MS);
  kept.push(next);
  return kept.length > MAX_SLOTS ? foldOldest(kept) : kept;
}

/**
 * Adds a frame of the past that the server sent again on connecting. Those known already are left
 * out; the gap that an interruption left is filled.
 */
export function appendReplayed(history: History, slot: Slot): History {
  const last = history.at(-1);
  // Frames of one second need not start where ours ended: more than half of it must be new.
  if (last !== undefined && slot.endMs - last.endMs < slot.coveredMs / 2) return history;
  return append(history, slot);
}

function foldOldest(slots: readonly Slot[]): History {
  const half = Math.floor(slots.length / 2);
  const folded: Slot[] = [];
  for (const slot of slots.slice(0, half)) {
    const last = folded.at(-1);
    const joins = last !== undefined && last.coveredMs + slot.coveredMs <= FOLD_TO_MS && last.bootId === slot.bootId;
    if (joins) folded[folded.length - 1] = foldSlots(last, slot);
    else folded.push(slot);
  }
  return [...folded, ...slots.slice(half)];
}

/** The slots of which at least half lies in (endMs - windowMs, endMs], and none of which lies after. */
export function slotsWithin(history: History, endMs: number, windowMs: number): readonly Slot[] {
  return history.filter((slot) => slot.endMs <= endMs && slot.endMs - slot.coveredMs / 2 > endMs - windowMs);
}
