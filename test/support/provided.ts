/** What the global setup hands to the test processes. */
export interface Provided {
  /** A PostgreSQL with the right to create databases; its path names the maintenance database. */
  readonly postgresUrl: string;
  /** The migrated database every test database is a copy of. */
  readonly postgresTemplate: string;
  /** A Redis shared by all test files, or empty when there is none. */
  readonly redisUrl: string;
}

declare module 'vitest' {
  interface ProvidedContext extends Provided {}
}
