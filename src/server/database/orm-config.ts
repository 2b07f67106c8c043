import { Migrator } from '@mikro-orm/migrations';
import { defineConfig } from '@mikro-orm/postgresql';
import type { Pool, PoolConfig } from 'pg';
import { ENTITIES } from './entities/all.ts';
import { MIGRATIONS } from './migrations/all.ts';
import { resultTypes } from './target.ts';

/** The row whose lock a migrating server holds; made before the first migration. */
export const MIGRATION_LOCK_TABLE = 'migration_lock';
export const MIGRATIONS_TABLE = 'schema_migrations';

/**
 * The ORM over one `pg` pool.
 *
 * @param url where to connect to, session settings included
 * @param pool what the driver adds to it
 * @param log warnings of the ORM, one sentence each
 */
export function ormConfig(url: string, pool: PoolConfig, log: (message: string) => void) {
  return defineConfig({
    entities: ENTITIES,
    clientUrl: url,
    driverOptions: {
      // The driver reads the whole URL itself: the ORM takes no socket, TLS or options from it.
      connectionString: url,
      ...pool,
      // Before the first connection: each keeps the parsers it was made with.
      onPoolCreated: (created: Pool) => {
        created.options.types = resultTypes();
      },
    },
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
