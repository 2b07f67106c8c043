import type { Client } from 'pg';
import type { CallContext, StatementObserver } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import type { MemoryCodec } from '../domain/memory.ts';
import type { WriteOutcome, WriteRequest } from '../domain/repository.ts';
import { type CommitGauges, GroupCommitLane } from './group-commit-lane.ts';
import type { Replay } from './group-commit-outcome.ts';
import { WRITE_SINGLES, WRITE_TOGETHER } from './statements/write-changes.ts';

export interface GroupCommitOptions {
  /** Opens a connection of the primary for writing alone. */
  readonly open: () => Promise<Client>;
  readonly codec: MemoryCodec;
  readonly observer: StatementObserver;
  /** Changes of a batch. */
  readonly maxRows: number;
  /** About this many bytes of a batch. */
  readonly maxBytes: number;
  /** About how many bytes may wait before callers are turned away, per lane. */
  readonly maxWaitingBytes: number;
  /** Longest wait for a batch to commit; then its connection is given up. */
  readonly batchTimeoutMs: number;
}

/**
 * The write path. While one batch of changes commits, the next gathers; nothing waits when idle.
 * Single changes ride together in one lane; requests of several changes, of which all are done or none, have
 * a lane of their own, so that a batch of a thousand does not hold up the single ones of
 * other workspaces. Within a workspace the lock on its head orders both.
 */
export class GroupCommit {
  readonly #singles: GroupCommitLane;
  readonly #transactions: GroupCommitLane;
  #closing = false;

  constructor(options: GroupCommitOptions) {
    this.#singles = new GroupCommitLane(options, WRITE_SINGLES, {
      maxRows: options.maxRows,
      maxBytes: options.maxBytes,
      maxRequests: options.maxRows,
    });
    this.#transactions = new GroupCommitLane(options, WRITE_TOGETHER, {
      maxRows: 2 * options.maxRows,
      maxBytes: 4 * options.maxBytes,
      maxRequests: options.maxRows,
    });
  }

  get gauges(): CommitGauges {
    const [one, other] = [this.#singles.gauges, this.#transactions.gauges];
    return {
      commitQueue: one.commitQueue + other.commitQueue,
      commits: one.commits + other.commits,
      commitRows: one.commitRows + other.commitRows,
      putOff: one.putOff + other.putOff,
    };
  }

  /**
   * Commits a request, or decides it when it only validates; resolves after the commit.
   *
   * @throws ServiceError OVERLOADED, SHUTTING_DOWN, DATABASE_UNAVAILABLE, COMMIT_UNKNOWN,
   *   DEADLINE_EXCEEDED, CANCELLED, or INVALID_FIELD for text the database cannot keep
   */
  write(call: CallContext, request: WriteRequest): Promise<WriteOutcome | Replay> {
    if (this.#closing) {
      return Promise.reject(new ServiceError('SHUTTING_DOWN', 'the server is stopping', { retryAfterMs: 1000 }));
    }
    return (request.changes.length === 1 ? this.#singles : this.#transactions).write(call, request);
  }

  /** Takes no more, and resolves when all that was taken has been committed. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([this.#singles.close(), this.#transactions.close()]);
  }
}
