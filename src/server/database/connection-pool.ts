import type { Pool, PoolClient, QueryArrayConfig, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { PoolExhaustedError, QueryTimeoutError } from './errors.ts';

/** Told about what the pool does; called on the hot path, so it only counts. */
export interface PoolObserver {
  /** Milliseconds a caller waited for a connection. */
  acquired(waitedMs: number): void;
  /** A connection broke or was thrown away. */
  lost(error: Error): void;
}

export interface PoolGauges {
  readonly max: number;
  /** Connections that are open or being opened. */
  readonly size: number;
  readonly busy: number;
  /** Callers in the queue. */
  readonly waiting: number;
  /** Connections broken or thrown away since the start. */
  readonly lost: number;
}

export interface PoolBounds {
  readonly max: number;
  /** Longest wait for a connection when all are busy. */
  readonly acquireTimeoutMs: number;
  /** Longest wait for an answer; after it the connection is thrown away. */
  readonly queryTimeoutMs: number;
}

/** What runs on a connection that has ended fails at once: whoever would give it back has done so by then. */
const RECLAIM_AFTER_MS = 1_000;

/**
 * Hot-path access to a `pg` pool, which may be shared with the ORM. It differs from `pool.query` in
 * that waiting for a connection has its own bound, that an error of the statement alone (a duplicate
 * key) keeps the connection, and that a timeout or an abandoned statement never does: after network
 * loss in mid-query the client is poisoned.
 */
export class ConnectionPool {
  readonly #pool: Pool;
  readonly #bounds: PoolBounds;
  readonly #observer: PoolObserver;
  /** To us and to the ORM. */
  readonly #lent = new Set<PoolClient>();
  /** To us: those always come back. */
  readonly #ours = new WeakSet<PoolClient>();
  #waiting = 0;
  #lost = 0;

  constructor(pool: Pool, bounds: PoolBounds, observer: PoolObserver) {
    this.#pool = pool;
    this.#bounds = bounds;
    this.#observer = observer;
    pool.on('acquire', (client) => this.#lent.add(client));
    pool.on('release', (_error, client) => {
      this.#lent.delete(client);
      this.#ours.delete(client);
    });
    // An idle connection that breaks; without a listener it would end the process.
    pool.on('error', (error) => this.#countLost(error));
    // A checked-out one: its statement fails too, so this only has to be listened to.
    pool.on('connect', (client) => {
      client.on('error', () => {});
      client.once('end', () => setTimeout(() => this.#reclaim(client), RECLAIM_AFTER_MS).unref());
    });
  }

  get gauges(): PoolGauges {
    return {
      max: this.#bounds.max,
      size: this.#pool.totalCount,
      busy: this.#lent.size,
      waiting: this.#waiting,
      lost: this.#lost,
    };
  }

  /**
   * Runs one statement; give it a `name` to have it prepared once per connection.
   *
   * @param signal gives the statement up: the connection is closed, which the server notices and stops
   * @throws PoolExhaustedError, QueryTimeoutError, the signal's reason, or the driver's error
   */
  query<R extends QueryResultRow>(statement: QueryConfig, signal?: AbortSignal): Promise<QueryResult<R>>;
  query<R extends unknown[]>(statement: QueryArrayConfig, signal?: AbortSignal): Promise<QueryResult<R>>;
  query<R extends QueryResultRow>(
    statement: QueryConfig | QueryArrayConfig,
    signal?: AbortSignal,
  ): Promise<QueryResult<R>> {
    return this.withClient((client) => client.query<R>(statement as QueryConfig), signal);
  }

  /**
   * Lends a connection to `work`, for several statements in a row. A connection whose transaction is
   * still open afterwards is thrown away, which rolls it back.
   */
  async withClient<T>(work: (client: PoolClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const client = await this.#acquire(signal);
    this.#ours.add(client);
    if (signal?.aborted) {
      client.release();
      throw signal.reason;
    }
    let result: T;
    try {
      result = await (signal === undefined ? work(client) : abandonable(work(client), signal));
    } catch (error) {
      const broken = !keepsConnection(error) || client.getTransactionStatus() !== 'I';
      if (broken) this.#countLost(error instanceof Error ? error : new Error('abandoned', { cause: error }));
      client.release(broken);
      throw isReadTimeout(error) ? new QueryTimeoutError(this.#bounds.queryTimeoutMs) : error;
    }
    client.release(client.getTransactionStatus() !== 'I');
    return result;
  }

  async #acquire(signal: AbortSignal | undefined): Promise<PoolClient> {
    const startedAt = performance.now();
    const pending = this.#pool.connect();
    // Idle connections serve the head of the queue; beyond them a caller waits for someone to finish.
    const queued = this.#pool.waitingCount > this.#pool.idleCount;
    const client = await (queued || signal !== undefined ? this.#inTurn(pending, queued, signal) : pending);
    this.#observer.acquired(performance.now() - startedAt);
    return client;
  }

  /** Ends the wait early: on abort, and for the queued after the bound. */
  #inTurn(pending: Promise<PoolClient>, queued: boolean, signal: AbortSignal | undefined): Promise<PoolClient> {
    const { acquireTimeoutMs, max } = this.#bounds;
    return new Promise<PoolClient>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let settled = false;
      const settle = () => {
        settled = true;
        if (queued) this.#waiting -= 1;
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const giveUp = (error: unknown) => {
        settle();
        reject(error);
      };
      const onAbort = () => giveUp(signal?.reason);
      const onTimeout = () => {
        // A pool that is still opening connections is slow, not exhausted; that has a bound of its own.
        if (this.#opening > 0) timer = setTimeout(onTimeout, acquireTimeoutMs);
        else giveUp(new PoolExhaustedError(acquireTimeoutMs, max));
      };
      if (queued) {
        this.#waiting += 1;
        timer = setTimeout(onTimeout, acquireTimeoutMs);
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      pending.then(
        (client) => {
          // Too late for this caller: the connection goes on to whoever waits behind it.
          if (settled) return client.release();
          settle();
          resolve(client);
        },
        (error) => {
          if (!settled) giveUp(error);
        },
      );
    });
  }

  get #opening(): number {
    return this.#pool.totalCount - this.#pool.idleCount - this.#lent.size;
  }

  /** The ORM never gives back a connection on which its ROLLBACK failed; its place in the pool would be lost. */
  #reclaim(client: PoolClient): void {
    if (!this.#lent.has(client) || this.#ours.has(client)) return;
    this.#countLost(new Error('the connection ended in a transaction of the ORM'));
    client.release(true);
  }

  #countLost(error: Error): void {
    this.#lost += 1;
    this.#observer.lost(error);
  }
}

/** Ends with the signal's reason when it fires first; the work's own end is then ignored. */
function abandonable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** An error the server sent about the statement alone leaves the session as it was; classes 08 and 57P do not. */
function keepsConnection(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return false;
  const { code, severity } = error;
  return severity === 'ERROR' && typeof code === 'string' && !code.startsWith('08') && !code.startsWith('57P');
}

function isReadTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}
