import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { SchemaNewerError } from './errors.ts';
import { MIGRATIONS } from './migrations/all.ts';
import { MIGRATION_LOCK_TABLE, MIGRATIONS_TABLE } from './orm-config.ts';

/** SQLSTATEs two servers get that create the same table at the same moment, IF NOT EXISTS or not. */
const CREATED_MEANWHILE = new Set(['23505', '42P07', '42710']);

/**
 * Brings the schema to this program's version. Servers that start together take turns at a row lock,
 * held by the transaction that migrates: a killed one leaves neither lock nor half a migration.
 * (An advisory lock would not survive a connection pooler in transaction mode.)
 *
 * @returns names of the migrations that were run
 * @throws SchemaNewerError
 */
export async function migrate(orm: MikroORM): Promise<string[]> {
  if (await isCurrent(orm.em)) return [];
  await createLockRow(orm.em);
  return orm.em.fork().transactional(async (em) => {
    // Building an index may take longer than any statement of the service.
    await em.execute('set local statement_timeout = 0');
    await em.execute(`select id from ${MIGRATION_LOCK_TABLE} where id = 1 for update`);
    if (await isCurrent(em)) return [];
    const transaction = em.getTransactionContext();
    if (transaction === undefined) throw new Error('a migration needs its transaction');
    const done = await orm.migrator.up({ transaction });
    return done.map((migration) => migration.name);
  });
}

/** @throws SchemaNewerError */
async function isCurrent(em: EntityManager): Promise<boolean> {
  const [table] = await em.execute<{ there: boolean }[]>('select to_regclass(?) is not null as there', [
    MIGRATIONS_TABLE,
  ]);
  if (!table?.there) return false;
  const rows = await em.execute<{ name: string }[]>(`select name from ${MIGRATIONS_TABLE} order by name`);
  const known = MIGRATIONS.map((migration) => migration.name);
  const newest = known.at(-1) ?? 'none';
  const foreign = rows.filter((row) => !known.includes(row.name)).at(-1);
  if (foreign !== undefined) throw new SchemaNewerError(foreign.name, newest);
  return rows.length === known.length;
}

async function createLockRow(em: EntityManager): Promise<void> {
  for (const sql of [
    `create table if not exists ${MIGRATION_LOCK_TABLE} (id int primary key)`,
    `insert into ${MIGRATION_LOCK_TABLE} (id) values (1) on conflict do nothing`,
  ]) {
    await em.execute(sql).catch((error: { code?: string }) => {
      if (!CREATED_MEANWHILE.has(error.code ?? '')) throw error;
    });
  }
}
