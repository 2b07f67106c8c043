import { MikroORM } from '@mikro-orm/postgresql';
import { PostgresDialect } from 'kysely';
import type { Pool } from 'pg';
import { ormConfig } from './orm-config.ts';

/**
 * The ORM over a pool it shares with the hot paths, and ends when it is closed.
 *
 * @param log warnings, one sentence each
 */
export function openOrm(url: string, pool: Pool, log: (message: string) => void): MikroORM {
  return new MikroORM(ormConfig(url, () => new PostgresDialect({ pool }), log));
}
