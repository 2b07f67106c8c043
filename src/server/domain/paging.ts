import { setImmediate } from 'node:timers/promises';
import { accessName } from './access.ts';
import type { CallContext } from './call-context.ts';
import type { RowWriter } from './memory-row.ts';
import type { ListOrder } from './repository.ts';
import type { Violations } from './validation/violations.ts';
import { WrittenRows } from './written-rows.ts';

/** Rows of a first page: few, so that the first message leaves at once. */
export const FIRST_ROWS = 32;
const MAX_ROWS = 1000;
const FEW_ROWS = 8;
const MIN_ROWS = 1;
/**
 * Bytes at which a page ends. Two pages are in memory at once, the current and the next, and as much
 * again on its way out, also while nobody reads: a hundred such readers may cost 100 MB.
 */
export const PAGE_BYTES = 256 * 1024;
/**
 * How many rows to ask for next: more while they are small, fewer when they are large. What bounds
 * memory is PAGE_BYTES; this only spares the database rows that would not fit.
 */
export class PageSize {
  #rows = FIRST_ROWS;

  get rows(): number {
    return this.#rows;
  }

  /** Learns from the page that was read last. */
  learn(rows: WrittenRows): void {
    const { count, size } = rows;
    if (size === 0) return;
    const fitting = Math.ceil((PAGE_BYTES * count) / size);
    // Large ones seldom come alone, and whoever asks for a thousand of them gets 256 MiB.
    const isLarge = size - rows.start(count - 1) > PAGE_BYTES / 2;
    this.#rows = Math.max(MIN_ROWS, Math.min(fitting, isLarge ? FEW_ROWS : this.#rows * 8, MAX_ROWS));
  }
}

/** Two places for the rows of pages, in turn: one is read while the other is being filled. Most lists are one page. */
export class Turns {
  readonly #write: RowWriter;
  #now: WrittenRows | undefined;
  #other: WrittenRows | undefined;

  constructor(write: RowWriter) {
    this.#write = write;
  }

  next(): WrittenRows {
    const place = this.#other ?? new WrittenRows(this.#write);
    this.#other = this.#now;
    this.#now = place;
    return place;
  }
}

/** Gives out pages one after another; the next one is being read while its caller uses this one. */
export async function* prefetched<Page>(
  first: () => Promise<Page>,
  following: (page: Page) => Promise<Page> | undefined,
): AsyncGenerator<Page, void> {
  let pending: Promise<Page> | undefined = first();
  while (pending !== undefined) {
    const page: Page = await pending;
    pending = following(page);
    if (pending !== undefined) {
      // Nobody waits for it when the caller stops here.
      pending.catch(() => {});
      // A turn of the event loop, in which it is asked for: what the caller does with this one takes a while, and
      // the database had nothing to do meanwhile.
      await setImmediate();
    }
    yield page;
  }
}

const NEWEST_FIRST: ListOrder = { by: 'create_time', descending: true };

/** "create_time" or "update_time", with "desc" or "asc" behind it; empty: newest first. */
export function readOrder(violations: Violations, orderBy: string): ListOrder {
  if (orderBy.trim() === '') return NEWEST_FIRST;
  const match = /^\s*(create_time|update_time)(?:\s+(asc|desc))?\s*$/.exec(orderBy);
  if (match !== null) return { by: match[1] as ListOrder['by'], descending: match[2] === 'desc' };
  violations.add('order_by', 'is not create_time or update_time, with " desc" behind it for newest first');
  return NEWEST_FIRST;
}

/**
 * What a token is good for: one RPC in one workspace, for credentials that reach the same, with the
 * same wishes (filter, order, ...).
 */
export function tokenContext(rpc: string, call: CallContext, wishes: readonly unknown[]): string {
  return JSON.stringify([rpc, call.workspaceId, accessName(call.access), ...wishes]);
}
