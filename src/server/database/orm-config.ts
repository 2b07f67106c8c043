import { Migrator } from '@mikro-orm/migrations';
import { defineConfig } from '@mikro-orm/postgresql';
import type { PostgresDialect } from 'kysely';
import { ENTITIES } from './entities/all.ts';
import { MIGRATIONS } from './migrations/all.ts';

/** The row whose lock a migrating server holds; made before the first migration. */
export const MIGRATION_LOCK_TABLE = 'migration_lock';
export const MIGRATIONS_TABLE = 'schema_migrations';

/**
 * What the ORM is told.
 *
 * @param url of the database, for its name
 * @param connections where it takes them from
 * @param log warnings of the ORM, one sentence each
 */
export function ormConfig(url: string, connections: () => PostgresDialect, log: (message: string) => void) {
  return defineConfig({
    entities: ENTITIES,
    clientUrl: url,
    driverOptions: connections,
    // The preflight has seen that the database is there.
    ensureDatabase: false,
    extensions: [Migrator],
    migrations: {
      tableName: MIGRATIONS_TABLE,
      migrationsList: [...MIGRATIONS],
      snapshot: false,
      disableForeignKeys: false,
      silent: true,
    },
    schemaGenerator: { skipTables: [MIGRATION_LOCK_TABLE], disableForeignKeys: false },
    metadataCache: { enabled: false },
    logger: log,
    colors: false,
  });
}
