import type { Client, Connection, Submittable } from 'pg';
import { tapRows } from '../database/row-tap.ts';
import { bindAround } from './bind-message.ts';
import { sqlState } from './driver-errors.ts';
import type { OutcomeRows } from './group-commit-rows.ts';
import { plainArray } from './statements/array-literal.ts';
import { LOCK_HEADS } from './statements/lock-heads.ts';
import { setRecordType } from './statements/record-array.ts';
import type { Statement } from './statements/statement.ts';
import { CREATE_INPUT_TYPE, INPUT_TYPE } from './statements/write-changes.ts';

/**
 * Every table of the statements is reached by an index, row by row. Without this a plan made while a
 * table is small scans it, and is kept when it has grown.
 */
export const WRITE_SETUP = `SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
  ${CREATE_INPUT_TYPE}`;

/** A batch failed; `mayBeCommitted` when that cannot be known. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
  readonly mayBeCommitted: boolean;
  /** SQLSTATE, or empty when the connection broke. */
  readonly code: string;
  /** The connection broke, or the server ends it with this error. */
  readonly endsConnection: boolean;

  constructor(cause: unknown, mayBeCommitted: boolean) {
    super('a batch of writes failed', { cause });
    this.mayBeCommitted = mayBeCommitted;
    this.code = sqlState(cause) ?? '';
    this.endsConnection = endsConnection(cause);
  }
}

/**
 * Class 08, admin or crash shutdown, idle timeouts: what the server sends as FATAL. By code, because
 * the driver knows the severity only in the server's language.
 */
function endsConnection(error: unknown): boolean {
  return /^(08|57P|25P03|$)/.test(sqlState(error) ?? '');
}

/**
 * The write connection with both statements prepared. A batch is sent in one piece - lock, write,
 * Sync - and is one transaction: PostgreSQL runs everything up to a Sync in one, commits it there,
 * and after an error skips to it ("Pipelining" in the protocol's documentation). So there is no BEGIN
 * that could fail while the write behind it goes through without its locks, and no COMMIT to send.
 */
export class WriteConnection {
  readonly #client: Client;
  readonly #statement: Statement;
  /** On its way, with its rows to come. */
  #batch: Batch | undefined;
  /** The number of INPUT_TYPE on this connection. */
  #inputType = 0;
  #usable = true;

  private constructor(client: Client, statement: Statement) {
    this.#client = client;
    this.#statement = statement;
    const gone = () => {
      this.#usable = false;
    };
    client.on('error', gone);
    client.on('end', gone);
  }

  /** @param statement one of write-changes.ts @throws what `open` throws, or the driver's error */
  static async open(open: () => Promise<Client>, statement: Statement): Promise<WriteConnection> {
    const client = await open();
    const connection = new WriteConnection(client, statement);
    try {
      await client.query(WRITE_SETUP);
      const { rows } = await client.query<{ type: number }>(`SELECT '${INPUT_TYPE}'::regtype::oid AS type`);
      connection.#inputType = Number(rows[0]?.type);
      await client.query(`PREPARE ${LOCK_HEADS.name} AS ${LOCK_HEADS.text}`);
      await client.query(`PREPARE ${statement.name} AS ${statement.text}`);
      tapRows(streamOf(client), (bytes, start) => connection.#batch?.take(bytes, start));
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  get usable(): boolean {
    return this.#usable;
  }

  /**
   * Commits one batch, and no other before that has ended.
   *
   * @param input of writeInput; until this is done it is not to be written to
   * @param rows is filled with what became of each change
   * @throws BatchError
   */
  write(workspaceIds: readonly number[], input: Buffer, rows: OutcomeRows): Promise<void> {
    return new Promise((resolve, reject) => {
      setRecordType(input, this.#inputType);
      if (!this.#usable)
        return reject(new BatchError(new Error('Connection terminated: the write connection is closed'), false));
      const batch = new Batch(this.#statement, plainArray(workspaceIds), input, rows, (error) => {
        this.#batch = undefined;
        if (error === undefined) return resolve();
        // The server is about to close it, or it is closed; its end is not to be waited for.
        if (error.endsConnection) this.destroy();
        reject(error);
      });
      this.#batch = batch;
      this.#client.query(batch);
    });
  }

  /** Ends the connection, at once if a batch is still running. */
  close(): void {
    this.#usable = false;
    this.#client.end().catch(() => {});
  }

  /** For a batch that takes too long: the connection is of no use any more. */
  destroy(): void {
    this.#usable = false;
    // Ending politely would wait for the answer.
    streamOf(this.#client).destroy();
  }
}

/** The driver keeps the socket behind an untyped property. */
function streamOf(client: Client): Connection['stream'] {
  return (client as Client & { connection: Connection }).connection.stream;
}

/** The driver's interface for whoever speaks the extended protocol by himself, as pg-cursor does. */
class Batch implements Submittable {
  readonly #statement: Statement;
  readonly #workspaceIds: string;
  readonly #input: Buffer;
  readonly #rows: OutcomeRows;
  readonly #settle: (error: BatchError | undefined) => void;
  /** What went wrong with a row; the connection is not to blame. */
  #rowError: unknown;
  #sent = false;
  #statementsDone = 0;
  #settled = false;
  /** The driver wraps it to stop its timeout. */
  callback: () => void = () => {};

  constructor(
    statement: Statement,
    workspaceIds: string,
    input: Buffer,
    rows: OutcomeRows,
    settle: (error: BatchError | undefined) => void,
  ) {
    this.#statement = statement;
    this.#workspaceIds = workspaceIds;
    this.#input = input;
    this.#rows = rows;
    this.#settle = settle;
  }

  submit(connection: Connection): void {
    if (!connection.stream.writable) {
      process.nextTick(() => this.handleError(new Error('Connection terminated: the write connection is closed')));
      return;
    }
    this.#sent = true;
    connection.stream.cork();
    connection.bind({ statement: LOCK_HEADS.name, values: [this.#workspaceIds] }, true);
    connection.execute({}, true);
    const { head, tail } = bindAround(this.#statement.name ?? '', this.#input, this.#workspaceIds);
    for (const part of [head, this.#input, tail]) connection.stream.write(part);
    connection.execute({}, true);
    connection.sync();
    connection.stream.uncork();
  }

  /** A row, in the place of the driver. Those of the first statement are of no interest. */
  take(bytes: Buffer, start: number): void {
    if (this.#statementsDone !== 1) return;
    try {
      this.#rows.take(bytes, start);
    } catch (error) {
      this.#rowError = error;
    }
  }

  handleDataRow(): void {
    throw new Error('a row passed the tap');
  }

  handleCommandComplete(): void {
    this.#statementsDone++;
  }

  /** The commit happened: PostgreSQL says so only now, the statements end before it. */
  handleReadyForQuery(): void {
    this.#end(this.#rowError === undefined ? undefined : new BatchError(this.#rowError, true));
  }

  handleError(error: unknown): void {
    // The server's word for an error says that nothing was committed, except when it shuts down after
    // the last statement: that may be before or after the commit. A broken connection says nothing.
    const fromServer = sqlState(error) !== undefined;
    const refused = fromServer && (this.#statementsDone < 2 || !endsConnection(error));
    this.#end(new BatchError(error, this.#sent && !refused));
  }

  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}

  #end(error: BatchError | undefined): void {
    if (this.#settled) return;
    this.#settled = true;
    this.callback();
    this.#settle(error);
  }
}
