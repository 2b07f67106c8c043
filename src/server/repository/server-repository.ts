import type { Database } from '../database/database.ts';
import { ServerKeyEntity } from '../database/entities/server.ts';
import { translating } from './driver-errors.ts';

/** Size of one table. */
export interface TableSize {
  readonly name: string;
  /** As the planner estimates it. */
  readonly rowEstimate: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
}

export const TABLE_SIZES = {
  name: 'table_sizes',
  rowMode: 'array' as const,
  text: `
    SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_table_size(c.oid), pg_indexes_size(c.oid)
      FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
       AND c.relname IN ('memories', 'memory_revisions', 'request_log')
     ORDER BY 1`,
};

/** Tables and their indexes on disk; asked once a minute. */
export async function tableSizes(database: Database): Promise<TableSize[]> {
  const { rows } = await translating(() => database.pool.query<(string | number)[]>(TABLE_SIZES));
  return rows.map(([name, rowEstimate, tableBytes, indexBytes]) => ({
    name: String(name),
    rowEstimate: Number(rowEstimate),
    tableBytes: Number(tableBytes),
    indexBytes: Number(indexBytes),
  }));
}

/** The newest key that seals tokens; the first migration made one. */
export async function readTokenKey(database: Database): Promise<Uint8Array> {
  const em = database.orm.em.fork();
  const [row] = await translating(() =>
    em.find(ServerKeyEntity, { purpose: 'token_sealing' }, { orderBy: { id: 'desc' }, limit: 1 }),
  );
  if (!row) throw new Error('the database has no token-sealing key: its table server_keys was emptied');
  return row.secret;
}

/**
 * Names the database among all there are: two installations that share one Redis, with workspaces
 * of the same numbers, must not read each other's entries.
 */
export async function databaseIdentity(database: Database): Promise<string> {
  const { rows } = await translating(() =>
    database.pool.query<[string, number]>({
      rowMode: 'array',
      text: `SELECT system_identifier::text, (SELECT oid::int8 FROM pg_database WHERE datname = current_database())
               FROM pg_control_system()`,
    }),
  );
  return rows.flat().join('-');
}
