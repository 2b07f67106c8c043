import type { CallContext } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import type { WriteOutcome, WriteRequest } from '../domain/repository.ts';
import { sqlState, toServiceError } from './driver-errors.ts';
import type { GroupCommitOptions } from './group-commit.ts';
import { BatchError, WriteConnection } from './group-commit-connection.ts';
import { inputRows, writeInput } from './group-commit-input.ts';
import { outcomeOf, type Replay } from './group-commit-outcome.ts';
import { type BatchBounds, type WaitingWrite, WriteQueue } from './group-commit-queue.ts';
import { OutcomeRows } from './group-commit-rows.ts';
import { endOf, hasEnded, WaitingCalls } from './memory-waiting.ts';
import type { Statement } from './statements/statement.ts';

/** serialization_failure and deadlock_detected: nothing happened, the same batch may go through. */
const REPEATABLE = new Set(['40001', '40P01']);
/** invalid_sql_statement_name, feature_not_supported ("cached plan must not change result type"):
 * what was prepared is gone or outdated, a new connection prepares it again. */
const UNPREPARED = new Set(['26000', '0A000']);
const MAX_ATTEMPTS = 5;
/** A larger buffer is not kept for the next batch. */
const KEPT_INPUT_BYTES = 1024 * 1024;

/** What the group commit did and has before it. */
export interface CommitGauges {
  /** Requests waiting. */
  readonly commitQueue: number;
  /** Batches committed since the start. */
  readonly commits: number;
  /** Rows they carried. */
  readonly commitRows: number;
  /** Writes put off for an earlier one of the same memory, since the start. */
  readonly putOff: number;
}

/** One write connection and the queue in front of it. One batch is on its way at a time. */
export class GroupCommitLane {
  readonly #options: GroupCommitOptions;
  readonly #statement: Statement;
  readonly #queue: WriteQueue;
  readonly #waitingCalls = new WaitingCalls();
  /** Filled again for each batch: as new buffers they brought a full garbage collection twice a second. */
  #input = inputRows();
  #connection: WriteConnection | undefined;
  #running: Promise<void> | undefined;
  #commits = 0;
  #committedRows = 0;

  constructor(options: GroupCommitOptions, statement: Statement, bounds: BatchBounds) {
    this.#options = options;
    this.#statement = statement;
    this.#queue = new WriteQueue(bounds);
  }

  write(call: CallContext, request: WriteRequest): Promise<WriteOutcome | Replay> {
    return new Promise((resolve, reject) => {
      if (hasEnded(call)) return reject(endOf(call));
      if (this.#queue.bytes >= this.#options.maxWaitingBytes) {
        return reject(
          new ServiceError('OVERLOADED', 'too many writes are waiting for the database', { retryAfterMs: 200 }),
        );
      }
      const write: WaitingWrite = { call, slot: -1, request, since: performance.now(), resolve, reject };
      this.#waitingCalls.add(write);
      this.#queue.push(write);
      this.#running ??= this.#run();
    });
  }

  get gauges(): CommitGauges {
    const { length: commitQueue, putOff } = this.#queue;
    return { commitQueue, putOff, commits: this.#commits, commitRows: this.#committedRows };
  }

  /** Resolves when nothing waits any more. */
  async close(): Promise<void> {
    await this.#running;
    this.#connection?.close();
  }

  async #run(): Promise<void> {
    // Everything that arrived in the same turn of the event loop belongs to the first batch.
    await new Promise(setImmediate);
    while (this.#queue.length > 0) {
      const batch = this.#queue.take();
      if (batch.length > 0) await this.#commit(batch, 1);
    }
    this.#running = undefined;
  }

  /** Commits a batch and answers its callers; never throws. */
  async #commit(batch: readonly WaitingWrite[], attempt: number): Promise<void> {
    let rows: OutcomeRows;
    // Opening a connection or an earlier attempt may have taken long.
    let sent = batch;
    try {
      const connection = await this.#connect();
      sent = batch.filter((write) => !hasEnded(write.call));
      if (sent.length === 0) return;
      rows = await this.#send(connection, sent);
      this.#commits++;
      this.#committedRows += rows.count;
    } catch (error) {
      return this.#failed(sent, error, attempt);
    }
    this.#answer(sent, rows);
  }

  async #connect(): Promise<WriteConnection> {
    if (this.#connection?.usable) return this.#connection;
    this.#connection = await WriteConnection.open(this.#options.open, this.#statement);
    return this.#connection;
  }

  async #send(connection: WriteConnection, batch: readonly WaitingWrite[]): Promise<OutcomeRows> {
    const requests = batch.map((write) => write.request);
    const workspaceIds = [...new Set(requests.map((request) => request.workspaceId))];
    const startedAt = performance.now();
    const timer = setTimeout(() => connection.destroy(), this.#options.batchTimeoutMs);
    const rows = new OutcomeRows(requests.reduce((sum, { changes }) => sum + changes.length, 0));
    let failed = true;
    try {
      await connection.write(workspaceIds, writeInput(requests, this.#input), rows);
      failed = false;
      return rows;
    } finally {
      clearTimeout(timer);
      // After a failure the socket may still have to send it.
      if (failed || this.#input.capacity > KEPT_INPUT_BYTES) this.#input = inputRows();
      this.#options.observer.statement(this.#statement.kind, startedAt, failed ? 0 : rows.count, failed);
    }
  }

  #answer(batch: readonly WaitingWrite[], rows: OutcomeRows): void {
    let next = 0;
    for (const write of batch) {
      const first = next;
      next += write.request.changes.length;
      this.#waitingCalls.delete(write);
      try {
        write.resolve(outcomeOf(write.request, rows, first, this.#options.codec));
      } catch (error) {
        write.reject(error);
      }
    }
  }

  async #failed(batch: readonly WaitingWrite[], error: unknown, attempt: number): Promise<void> {
    if (!(error instanceof BatchError)) return this.#reject(batch, toServiceError(error));
    const mayRepeat = attempt < MAX_ATTEMPTS && !error.mayBeCommitted;
    if (mayRepeat && REPEATABLE.has(error.code)) return this.#commit(batch, attempt + 1);
    if (mayRepeat && UNPREPARED.has(error.code)) {
      this.#connection?.close();
      return this.#commit(batch, attempt + 1);
    }
    // Class 22, data exception: one of the rows. Halving finds it in a few statements.
    if (error.code.startsWith('22')) {
      if (batch.length === 1) return this.#reject(batch, unstorable(error));
      const middle = batch.length >> 1;
      await this.#commit(batch.slice(0, middle), 1);
      return this.#commit(batch.slice(middle), 1);
    }
    if (error.mayBeCommitted) {
      return this.#reject(
        batch,
        new ServiceError('COMMIT_UNKNOWN', 'the connection broke while the change was being committed', {
          retryAfterMs: 1000,
          cause: error.cause,
        }),
      );
    }
    this.#reject(batch, toServiceError(error.cause));
  }

  #reject(batch: readonly WaitingWrite[], error: unknown): void {
    for (const write of batch) {
      this.#waitingCalls.delete(write);
      write.reject(error);
    }
  }
}

/** SQLSTATEs of text that PostgreSQL does not keep: character_not_in_repertoire, untranslatable_character. */
const UNSTORABLE: Readonly<Record<string, string>> = {
  '22021': 'text must not hold the character U+0000',
  '22P05': 'metadata must not hold the character U+0000',
};

function unstorable(error: BatchError): ServiceError {
  return new ServiceError('INVALID_FIELD', 'the memory holds a value that the database cannot keep', {
    violations: [
      { field: 'memory', description: UNSTORABLE[sqlState(error.cause) ?? ''] ?? 'holds a value out of its range' },
    ],
    cause: error.cause,
  });
}
