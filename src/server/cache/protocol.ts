import type { MemoryRecord } from '../domain/memory.ts';

/*
 * The lease protocol: how an entry moves, whichever store keeps it. A store may lose entries at any
 * moment (eviction, flush, restart): every step below stays right when it does.
 *
 *   nothing --lease--> F --fill, still that F--> V           a read that missed
 *   nothing, F, V --mark--> P --settle, still that P--> V    a write; nothing when there is no value
 *   P, X --mark--> X of all who marked                       writes at once
 *   X --settle--> X of the others; nothing after the last    nobody knows whose commit was the newest
 *   F, V --settle--> nothing                                 the mark was lost, and a read came between
 *   P of another --settle--> X of that other                 the mark was lost, and a write came between
 *
 * The last one matters: that other write may have committed first and settle last, and would leave
 * its value over ours.
 *
 * A value carries the cache epoch its maker knew before it read or wrote the database, and a reader
 * takes it only when that is not older than the epoch it knows itself. So one bump of the epoch in
 * Postgres makes every earlier value worthless, for writers that could not reach the store. The
 * epoch stands in the value and not in the key, because processes learn of a bump up to a second
 * apart: with the epoch in the key, a write marked under the old one would leave what was read
 * before it standing under the new one for good.
 */

/** A fill that takes longer is refused. */
export const FILL_TTL_MS = 2_000;
/** Longest time that readers pass over an entry whose writer died. */
export const MARK_TTL_MS = 10_000;
/** Most writes at once that an X remembers; a further one is as good as one whose mark was lost. */
export const MAX_TOKENS = 32;
/** Bounds what a store without eviction keeps. */
export const VALUE_TTL_MS = 3_600_000;
/** Values of dead memories, whose rows may be purged at any time. */
export const DEAD_VALUE_TTL_MS = 60_000;

/** The state V. */
export interface Value {
  readonly epoch: number;
  /** Undefined: written in a format this version does not know; as good as outdated. */
  readonly record: MemoryRecord | undefined;
}

/** What is there: a value, a write (P, X) or a fill (F) under way, or undefined for nothing. */
export type Found = Value | 'P' | 'X' | 'F' | undefined;

export type Step = { readonly id: string /** Of the read or write that makes the step. */; readonly token: string } & (
  | { readonly op: 'lease' /** Epoch of an outdated value that may be replaced. */; readonly over: number | undefined }
  | { readonly op: 'fill'; readonly value: Value & { readonly record: MemoryRecord } }
  | { readonly op: 'mark' }
  | {
      readonly op: 'settle' /** Undefined: leave nothing behind. */;
      readonly value: (Value & { readonly record: MemoryRecord }) | undefined;
    }
);

/** An answer a step; undefined: not confirmed. */
export type Stepped = readonly boolean[] | undefined;

/** Where entries are kept. Never throws. What is at hand is answered without a promise. */
export interface EntryStore {
  readonly kind: 'local' | 'redis';
  /** Larger values are not to be put here. */
  readonly maxValueBytes: number;
  /** Whether asking makes sense now. */
  readonly usable: boolean;
  /** One answer an id; those that cannot be had, or would not be kept, are 'F': read the database, do not fill. */
  read(workspaceId: number, ids: readonly string[]): Found[] | Promise<Found[]>;
  /**
   * Takes each step on its own, in order. True where the entry ended as the step wants it: leased,
   * filled, marked P, own mark settled. Undefined: not confirmed; each may have been taken or not.
   */
  step(workspaceId: number, steps: readonly Step[]): Stepped | Promise<Stepped>;
}

export function valueTtlMs(record: MemoryRecord): number {
  return record.deleteTime === undefined ? VALUE_TTL_MS : DEAD_VALUE_TTL_MS;
}
