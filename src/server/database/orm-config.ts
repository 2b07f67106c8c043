import { Migrator } from '@mikro-orm/migrations';
import { defineConfig } from '@mikro-orm/postgresql';
import type { PoolConfig } from 'pg';
import { ENTITIES } from './entities/all.ts';
import { MIGRATIONS } from './migrations/all.ts';

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
    // The driver reads the whole URL itself: the ORM takes no socket, TLS or options from it.
    driverOptions: { connectionString: url, ...pool },
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
