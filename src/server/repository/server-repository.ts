import type { Database } from '../database/database.ts';
import { translating } from './driver-errors.ts';

/** Size of one table, and how it is read. Scans are counted since the database began to. */
export interface TableSize {
  readonly name: string;
  /** As the planner estimates it. */
  readonly rowEstimate: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
  readonly deadRows: number;
  readonly sequentialScans: number;
  readonly indexes: readonly IndexSize[];
}

export interface IndexSize {
  readonly name: string;
  readonly bytes: number;
  readonly scans: number;
}

export const TABLE_SIZES = {
  name: 'table_sizes',
  rowMode: 'array' as const,
  text: `
    SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_table_size(c.oid), pg_indexes_size(c.oid),
           coalesce(t.n_dead_tup, 0), coalesce(t.seq_scan, 0),
           (SELECT coalesce(jsonb_agg(jsonb_build_object('name', i.indexrelname, 'scans', coalesce(i.idx_scan, 0),
                                                         'bytes', pg_relation_size(i.indexrelid))
                                      ORDER BY i.indexrelname), '[]')
              FROM pg_stat_user_indexes i WHERE i.relid = c.oid)
      FROM pg_class c
      LEFT JOIN pg_stat_user_tables t ON t.relid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
       AND c.relname IN ('memories', 'memory_revisions', 'request_log')
     ORDER BY 1`,
};

/** In the order of the columns; the driver's numbers of 64 bits. */
type Count = string | number | bigint;
type TableSizeRow = [string, Count, Count, Count, Count, Count, IndexSize[]];

/** Tables and their indexes on disk; asked every ten seconds. */
export async function tableSizes(database: Database): Promise<TableSize[]> {
  const { rows } = await translating(() => database.pool.query<TableSizeRow>(TABLE_SIZES));
  return rows.map(([name, rowEstimate, tableBytes, indexBytes, deadRows, sequentialScans, indexes]) => ({
    name,
    rowEstimate: Number(rowEstimate),
    tableBytes: Number(tableBytes),
    indexBytes: Number(indexBytes),
    deadRows: Number(deadRows),
    sequentialScans: Number(sequentialScans),
    indexes,
  }));
}

/** In the order of the columns. */
type WaitRow = [string, number];

/** Waits for a client to send its next statement, and of background processes, are none that a call waits for. */
const SESSION_WAITS = {
  name: 'session_waits',
  rowMode: 'array' as const,
  text: `
    SELECT wait_event_type || ' ' || wait_event, count(*)::int4
      FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'active' AND backend_type = 'client backend'
       AND wait_event_type NOT IN ('Client', 'Activity') AND pid <> pg_backend_pid()
     GROUP BY 1`,
};

/** Sessions of this database that wait now, by what for: those of other servers on it among them. */
export async function sessionWaits(database: Database): Promise<ReadonlyMap<string, number>> {
  const { rows } = await translating(() => database.pool.query<WaitRow>(SESSION_WAITS));
  return new Map(rows);
}

/** The newest key that seals tokens; the first migration made one. */
export async function readTokenKey(database: Database): Promise<Uint8Array> {
  const text = "SELECT secret FROM server_keys WHERE purpose = 'token_sealing' ORDER BY id DESC LIMIT 1";
  const { rows } = await translating(() => database.pool.query<{ secret: Buffer }>({ text }));
  const [row] = rows;
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
