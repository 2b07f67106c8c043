import type { WriteOutcome, WriteRequest } from '../domain/repository.ts';
import { inputSize } from './group-commit-input.ts';
import type { Replay } from './group-commit-outcome.ts';
import { hasEnded, type Waiting } from './memory-waiting.ts';

/** A request on its way into a batch. */
export interface WaitingWrite extends Waiting {
  readonly request: WriteRequest;
  /** performance.now() when it was handed in. */
  readonly since: number;
  resolve(outcome: WriteOutcome | Replay): void;
}

export interface BatchBounds {
  /** Changes of a batch. */
  readonly maxRows: number;
  /** About this many bytes of a batch. */
  readonly maxBytes: number;
  /** Requests of a batch. */
  readonly maxRequests: number;
}

/**
 * Changes that are looked at for one batch: with many requests for the same memory waiting, all but the first are put
 * off, and to look at each of them for every batch would hold up the event loop longer than the commit takes.
 */
const MAX_LOOKED_AT = 4096;

/**
 * Requests that wait, in the order they came. A batch takes at most one write of any memory and one
 * of any request_id: the statement sees the rows as they were before it, so it could not decide
 * between two. The others keep their turn, and so does whatever came after them for the same memory.
 * A request larger than the bounds is a batch of its own.
 */
export class WriteQueue {
  readonly #bounds: BatchBounds;
  #waiting: WaitingWrite[] = [];
  #bytes = 0;
  #putOff = 0;

  constructor(bounds: BatchBounds) {
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** How often a write was left to a later batch because an earlier one of the same memory went first. */
  get putOff(): number {
    return this.#putOff;
  }

  /** About how much waits. */
  get bytes(): number {
    return this.#bytes;
  }

  push(write: WaitingWrite): void {
    this.#waiting.push(write);
    this.#bytes += inputSize(write.request);
  }

  /** The next batch, without those whose callers have gone. */
  take(): WaitingWrite[] {
    const { maxRows, maxBytes, maxRequests } = this.#bounds;
    const batch: WaitingWrite[] = [];
    const skipped: WaitingWrite[] = [];
    const claimed = new Set<string>();
    let rows = 0;
    let bytes = 0;
    let examined = 0;
    let lookedAt = 0;
    for (const write of this.#waiting) {
      const size = inputSize(write.request);
      const full = rows + write.request.changes.length > maxRows || bytes + size > maxBytes;
      if (batch.length > 0 && (full || batch.length === maxRequests || lookedAt >= MAX_LOOKED_AT)) break;
      examined++;
      lookedAt += write.request.changes.length;
      if (hasEnded(write.call)) {
        this.#bytes -= size;
        continue;
      }
      if (!claim(claimed, write.request)) {
        skipped.push(write);
        this.#putOff++;
        continue;
      }
      this.#bytes -= size;
      batch.push(write);
      rows += write.request.changes.length;
      bytes += size;
    }
    this.#waiting = skipped.concat(this.#waiting.slice(examined));
    return batch;
  }
}

/**
 * Claims a request's memories and request_id; false when one of them was claimed before. An id that was just
 * made no other request has.
 */
function claim(claimed: Set<string>, { workspaceId, requestId, changes }: WriteRequest): boolean {
  const before = claimed.size;
  let names = 0;
  for (const { id, fresh } of changes) {
    if (fresh) continue;
    claimed.add(`${workspaceId}/${id}`);
    names++;
  }
  if (requestId !== undefined) {
    claimed.add(`${workspaceId}:${requestId}`);
    names++;
  }
  return claimed.size === before + names;
}
