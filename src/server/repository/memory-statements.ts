import type { ConnectionPool } from '../database/connection-pool.ts';
import type { TakeRow } from '../database/row-tap.ts';
import { type CallContext, Stage, type StatementObserver } from '../domain/call-context.ts';
import { toServiceError } from './driver-errors.ts';
import type { Row } from './memory-rows.ts';
import { endOf, hasEnded } from './memory-waiting.ts';
import { PageRead } from './page-read.ts';
import type { SqlValue, Statement } from './statements/statement.ts';

/** Leaves every column as the text it came in; memory-rows.ts knows what to make of it. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

/**
 * Runs statements on a pool and tells the observer. The pool is used directly, not through the ORM:
 * that sends every value inlined and unprepared, which reads at 0.20 to 0.41 of the speed.
 */
export class StatementRunner {
  readonly #pool: ConnectionPool;
  readonly #observer: StatementObserver;

  constructor(pool: ConnectionPool, observer: StatementObserver) {
    this.#pool = pool;
    this.#observer = observer;
  }

  /**
   * For one call: not begun once the call has ended, given up when it ends.
   *
   * @throws ServiceError CANCELLED, DEADLINE_EXCEEDED, or as toServiceError
   */
  async runFor(call: CallContext, statement: Statement, values: readonly SqlValue[]): Promise<Row[]> {
    if (hasEnded(call)) throw endOf(call);
    const startedAt = performance.now();
    try {
      return await this.run(statement, values, call.signal);
    } catch (error) {
      throw call.signal.aborted ? endOf(call) : error;
    } finally {
      call.observe(Stage.DATABASE, statement.kind, startedAt);
    }
  }

  /**
   * Up to so many rows in binary form, handed to `take` one by one as they come; what it throws is
   * thrown here. Otherwise as runFor.
   *
   * @returns how many there were
   */
  async readFor(
    call: CallContext,
    statement: Statement,
    values: readonly SqlValue[],
    mostRows: number,
    take: TakeRow,
  ): Promise<number> {
    if (hasEnded(call)) throw endOf(call);
    const startedAt = performance.now();
    try {
      return await this.read(statement, values, mostRows, take, call.signal);
    } catch (error) {
      throw call.signal.aborted ? endOf(call) : error;
    } finally {
      call.observe(Stage.DATABASE, statement.kind, startedAt);
    }
  }

  /** As readFor, for no call in particular. @param mostRows 0: all @throws ServiceError as toServiceError */
  async read(
    statement: Statement,
    values: readonly SqlValue[],
    mostRows: number,
    take: TakeRow,
    signal: AbortSignal,
  ): Promise<number> {
    const startedAt = performance.now();
    let rows = 0;
    let hasFailed = true;
    const counted: TakeRow = (bytes, start, end) => {
      rows++;
      take(bytes, start, end);
    };
    try {
      const read = new PageRead(statement, values, mostRows, counted);
      await this.#pool.withClient((client) => client.query(read).done, signal);
      hasFailed = false;
      return rows;
    } catch (error) {
      throw toServiceError(error);
    } finally {
      this.#observer.statement(statement.kind, startedAt, rows, hasFailed);
    }
  }

  /** For no call in particular. @throws ServiceError as toServiceError */
  async run(statement: Statement, values: readonly SqlValue[], signal?: AbortSignal): Promise<Row[]> {
    const startedAt = performance.now();
    let rows: Row[] | undefined;
    try {
      const { name, text } = statement;
      const query = { text, values: [...values], rowMode: 'array' as const, types: AS_TEXT };
      const result = await this.#pool.query<SqlValue[]>(name === undefined ? query : { ...query, name }, signal);
      rows = result.rows;
      return rows;
    } catch (error) {
      throw toServiceError(error);
    } finally {
      this.#observer.statement(statement.kind, startedAt, rows?.length ?? 0, rows === undefined);
    }
  }
}
