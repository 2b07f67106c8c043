import { type CallContext, Stage } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import type { MemoryRecord } from '../domain/memory.ts';
import type { RowCodec } from '../domain/memory-row.ts';
import { FoundRecords } from './found-records.ts';
import type { StatementRunner } from './memory-statements.ts';
import { endOf, hasEnded, type Waiting, WaitingCalls } from './memory-waiting.ts';
import { plainArray } from './statements/array-literal.ts';
import { GET_BY_IDS } from './statements/get-by-ids.ts';

export interface CoalescedReadsOptions {
  readonly codec: RowCodec;
  /** Ids of one statement. */
  readonly maxIds: number;
  /** Statements on their way at once at most. */
  readonly maxInFlight: number;
  /** After this a statement is given up and sent once more, on another connection. */
  readonly timeoutMs: number;
}

/**
 * While a statement is on its way, ids gather for the next, as writes do for a group commit: that is three times as
 * many a second as sending each turn's at once. One that takes longer than this holds nobody up.
 */
const PATIENCE_MS = 5;

interface WaitingRead extends Waiting {
  readonly ids: readonly string[];
  readonly records: (MemoryRecord | undefined)[];
  /** Ids not asked for yet start here. */
  next: number;
  /** Ids without an answer. */
  missing: number;
  resolve(records: (MemoryRecord | undefined)[]): void;
}

/** Where the record of an id goes. */
interface Target {
  readonly read: WaitingRead;
  readonly index: number;
}

/**
 * Point reads: all that are asked for in one turn of the event loop, or while the statement before is on its way,
 * travel in one `= ANY` statement, five times as many a second as one by one. A read never joins a statement that was already sent:
 * its snapshot may be older than a write the caller knows to be acknowledged.
 */
export class CoalescedReads {
  readonly #runner: StatementRunner;
  readonly #options: CoalescedReadsOptions;
  readonly #waitingCalls = new WaitingCalls();
  #queue: WaitingRead[] = [];
  #scheduled = false;
  #inFlight = 0;
  #sentAt = 0;
  #patience: NodeJS.Timeout | undefined;

  constructor(runner: StatementRunner, options: CoalescedReadsOptions) {
    this.#runner = runner;
    this.#options = options;
  }

  /** Records by id in the order of `ids`. @throws ServiceError */
  read(call: CallContext, ids: readonly string[]): Promise<(MemoryRecord | undefined)[]> {
    return new Promise((resolve, reject) => {
      if (hasEnded(call)) return reject(endOf(call));
      if (ids.length === 0) return resolve([]);
      const startedAt = performance.now();
      const read: WaitingRead = {
        call,
        slot: -1,
        ids,
        records: new Array(ids.length),
        next: 0,
        missing: ids.length,
        resolve: (records) => {
          call.observe(Stage.DATABASE, GET_BY_IDS.kind, startedAt);
          resolve(records);
        },
        reject,
      };
      this.#waitingCalls.add(read);
      this.#queue.push(read);
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    clearTimeout(this.#patience);
    while (this.#queue.length > 0 && this.#inFlight < this.#options.maxInFlight) {
      const waitMs = this.#inFlight === 0 ? 0 : this.#sentAt + PATIENCE_MS - performance.now();
      if (waitMs > 0 && !this.#fillsStatement()) {
        this.#patience = setTimeout(() => this.#pump(), waitMs);
        return;
      }
      const targets = this.#take();
      if (targets.size === 0) continue;
      this.#inFlight++;
      this.#sentAt = performance.now();
      this.#send(targets).finally(() => {
        this.#inFlight--;
        this.#pump();
      });
    }
  }

  #fillsStatement(): boolean {
    let ids = 0;
    return this.#queue.some((read) => {
      ids += read.ids.length - read.next;
      return ids >= this.#options.maxIds;
    });
  }

  /** The next ids, by "workspace/id". */
  #take(): Map<string, Target[]> {
    const targets = new Map<string, Target[]>();
    let done = 0;
    for (const read of this.#queue) {
      if (hasEnded(read.call)) read.next = read.ids.length;
      for (; read.next < read.ids.length && targets.size < this.#options.maxIds; read.next++) {
        const name = `${read.call.workspaceId}/${read.ids[read.next]}`;
        const target = { read, index: read.next };
        const others = targets.get(name);
        if (others === undefined) targets.set(name, [target]);
        else others.push(target);
      }
      if (read.next < read.ids.length) break;
      done++;
    }
    this.#queue = this.#queue.slice(done);
    return targets;
  }

  async #send(targets: Map<string, Target[]>): Promise<void> {
    try {
      const found = await this.#query(targets);
      for (const [name, wanting] of targets) {
        const record = found.get(name);
        for (const { read, index } of wanting) this.#settle(read, index, record);
      }
    } catch (error) {
      for (const wanting of targets.values()) {
        for (const { read } of wanting) if (this.#waitingCalls.delete(read)) read.reject(error);
      }
    }
  }

  #settle(read: WaitingRead, index: number, record: MemoryRecord | undefined): void {
    read.records[index] = record;
    read.missing--;
    if (read.missing === 0 && this.#waitingCalls.delete(read)) read.resolve(read.records);
  }

  /** Sent once more when the connection broke or the answer did not come: reading twice does no harm. */
  async #query(targets: Map<string, Target[]>): Promise<FoundRecords> {
    const workspaceIds = new Set<string>();
    const ids = new Set<string>();
    for (const name of targets.keys()) {
      const slash = name.indexOf('/');
      workspaceIds.add(name.slice(0, slash));
      ids.add(name.slice(slash + 1));
    }
    const values = [plainArray([...workspaceIds]), plainArray([...ids])];
    try {
      return await this.#queryOnce(values);
    } catch (error) {
      if (error instanceof ServiceError && error.reason === 'DATABASE_UNAVAILABLE') return this.#queryOnce(values);
      throw error;
    }
  }

  async #queryOnce(values: string[]): Promise<FoundRecords> {
    // Of this attempt alone: rows of one that was given up may still come.
    const found = new FoundRecords(this.#options.codec);
    const timeout = new AbortController();
    const timer = setTimeout(() => {
      timeout.abort(new ServiceError('DATABASE_UNAVAILABLE', 'the database does not answer', { retryAfterMs: 1000 }));
    }, this.#options.timeoutMs);
    try {
      await this.#runner.read(GET_BY_IDS, values, 0, (bytes, start) => found.take(bytes, start), timeout.signal);
      return found;
    } finally {
      clearTimeout(timer);
    }
  }
}
