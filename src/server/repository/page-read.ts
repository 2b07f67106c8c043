import type { Connection, Submittable } from 'pg';
import { type TakeRow, tapRows } from '../database/row-tap.ts';
import type { SqlValue, Statement } from './statements/statement.ts';

/** What the driver's Connection has and its types leave out. */
interface PreparingConnection extends Connection {
  readonly parsedStatements: Record<string, string>;
}

/**
 * What a page that is prepared is planned with. Its rows come out of an index in order, and its plan is
 * kept: one made while the planner knew of a few rows would sort the whole table for every page of the
 * large one. And it is kept at once: the planner takes a page of an owner in general to be dearer than
 * one of an owner that it knows, and would plan each of them anew, which costs as much again.
 */
export const PAGE_SETTINGS = { enable_sort: 'off', plan_cache_mode: 'force_generic_plan' } as const;
/**
 * One statement without rows, for the transaction of the page alone: others of the connection sort, and
 * are planned for their values. Pages that are not prepared are planned for the table of now.
 */
const PAGE_SETUP = `SELECT WHERE ${Object.entries(PAGE_SETTINGS)
  .map(([name, value]) => `set_config('${name}', '${value}', true) IS NULL`)
  .join(' OR ')}`;

/**
 * Reads up to so many rows of a statement in binary form, past the driver's own reading of them. The
 * rest of the statement is not executed: PostgreSQL stops at the number of rows that Execute names.
 */
export class PageRead implements Submittable {
  /** The driver notes the name as prepared when the server has parsed it. */
  readonly name: string;
  readonly text: string;
  readonly done: Promise<void>;
  readonly #values: readonly SqlValue[];
  readonly #mostRows: number;
  readonly #take: TakeRow;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #tapOff: () => void = () => {};
  /** What went wrong with a row; the connection is not to blame. */
  #rowError: unknown;
  /** The driver wraps it to stop its timeout. */
  callback: () => void = () => {};

  constructor(statement: Statement, values: readonly SqlValue[], mostRows: number, take: TakeRow) {
    this.name = statement.name ?? '';
    this.text = statement.text;
    this.#values = values;
    this.#mostRows = mostRows;
    this.#take = take;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: Connection): void {
    const { parsedStatements } = connection as PreparingConnection;
    this.#tapOff = tapRows(connection.stream, this.#takeSafely);
    connection.stream.cork();
    if (this.name === '' || parsedStatements[this.name] !== this.text) {
      connection.parse({ name: this.name, text: this.text, types: [] }, true);
    }
    if (this.name !== '') run(connection, PAGE_SETUP);
    connection.bind({ statement: this.name, values: [...this.#values], binary: true as never }, true);
    // Its types ask for a string, which it cannot write.
    connection.execute({ rows: this.#mostRows as never }, true);
    connection.sync();
    connection.stream.uncork();
  }

  readonly #takeSafely: TakeRow = (bytes, start, end) => {
    if (this.#rowError !== undefined) return;
    try {
      this.#take(bytes, start, end);
    } catch (error) {
      this.#rowError = error;
    }
  };

  handleError(error: unknown): void {
    this.#end(error);
  }

  handleReadyForQuery(): void {
    this.#end(this.#rowError);
  }

  handleDataRow(): void {
    throw new Error('a row passed the tap');
  }

  handleCommandComplete(): void {}
  handlePortalSuspended(): void {}
  handleRowDescription(): void {}
  handleEmptyQuery(): void {}

  #end(error: unknown): void {
    this.#tapOff();
    this.callback();
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}

/**
 * Adds a statement to what is sent before the Sync, all of which is one transaction.
 * Behind the page's Parse, because the driver takes any that succeeds for that one.
 */
function run(connection: Connection, text: string): void {
  connection.parse({ name: '', text, types: [] }, true);
  connection.bind({ statement: '', values: [] }, true);
  connection.execute({}, true);
}
