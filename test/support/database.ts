import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, inject } from 'vitest';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/server/database/database.ts';
import { administer, TEST_POOL } from './postgres-server.ts';
import './provided.ts';

export interface TestDatabase {
  readonly url: string;
  /** Ends whatever is still connected to it, and removes it. */
  drop(): Promise<void>;
}

/** A migrated, empty database of its own: a copy of the template, some 30 ms. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(`TEMPLATE ${inject('postgresTemplate')}`);
}

/** A database without any table. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('');
}

async function createDatabase(options: string): Promise<TestDatabase> {
  const name = `memoryhub_test_${randomBytes(8).toString('hex')}`;
  await administer(inject('postgresUrl'), `CREATE DATABASE ${name} ${options}`);
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return {
    url: url.toString(),
    drop: () => administer(inject('postgresUrl'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/**
 * A test database for the whole file (or describe), opened before its tests and dropped after.
 *
 * @returns a function, to be called within tests and hooks
 */
export function testDatabase(options: Partial<DatabaseOptions> = {}): () => Database & { readonly url: string } {
  let database: (Database & { readonly url: string }) | undefined;
  let test: TestDatabase | undefined;
  beforeAll(async () => {
    test = await createTestDatabase();
    database = { ...(await openDatabase({ ...TEST_POOL, ...options, url: test.url })), url: test.url };
  });
  afterAll(async () => {
    await database?.close();
    await test?.drop();
  });
  return () => {
    if (database === undefined) throw new Error('the database is open only while tests and hooks run');
    return database;
  };
}
