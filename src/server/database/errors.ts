/** The server cannot be reached, or refuses us. The text names host, port, database and user, never the password. */
export class DatabaseConnectError extends Error {
  override readonly name = 'DatabaseConnectError';
}

/** The database is reached but is not one this program can work with: settings or version to change. */
export class DatabaseUnsuitableError extends Error {
  override readonly name = 'DatabaseUnsuitableError';
}

/** A newer release has migrated this database further than this program knows. */
export class SchemaNewerError extends Error {
  override readonly name = 'SchemaNewerError';
  readonly schemaVersion: string;
  readonly programVersion: string;

  constructor(schemaVersion: string, programVersion: string) {
    super(
      `the database schema is at version ${schemaVersion}, newer than ${programVersion}, the newest this program knows: ` +
        'start the release that made it, or a later one',
    );
    this.schemaVersion = schemaVersion;
    this.programVersion = programVersion;
  }
}

/** No connection became free in time; nothing was sent. */
export class PoolExhaustedError extends Error {
  override readonly name = 'PoolExhaustedError';

  constructor(waitedMs: number, size: number) {
    super(`all ${size} connections were busy for ${waitedMs} ms`);
  }
}

/** The server did not answer in time. The connection was thrown away; whether the statement took effect is unknown. */
export class QueryTimeoutError extends Error {
  override readonly name = 'QueryTimeoutError';

  constructor(timeoutMs: number) {
    super(`no answer from PostgreSQL within ${timeoutMs} ms`);
  }
}
