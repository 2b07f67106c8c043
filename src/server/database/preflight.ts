import { Client } from 'pg';
import { DatabaseUnsuitableError } from './errors.ts';
import { connectError } from './target.ts';

/** PostgreSQL 14 brought what the statements use: MATERIALIZED, TID range scans, the abandoned check. */
const OLDEST_VERSION = 140_000;

export interface ServerFacts {
  /** 180004 for 18.4. */
  readonly versionNumber: number;
  /** Whether the server can notice, on its platform, that a client has gone while a statement runs. */
  readonly noticesAbandoned: boolean;
}

/**
 * Looks at the server before a pool is opened, so that a wrong setting stops the start with a sentence.
 *
 * @param connections most connections this program may open there, all its processes together
 * @throws DatabaseConnectError, DatabaseUnsuitableError
 */
export async function preflight(url: string, connectTimeoutMs: number, connections: number): Promise<ServerFacts> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
    application_name: 'memory-hub preflight',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const found = await client.query<{ version: number; free: number; max: number }>(`
      SELECT current_setting('server_version_num')::int AS version,
             current_setting('max_connections')::int AS max,
             current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true), '0')::int AS free`);
    const facts = found.rows[0];
    if (facts === undefined) throw new Error('no answer');
    if (facts.version < OLDEST_VERSION) {
      throw new DatabaseUnsuitableError(
        `PostgreSQL 14 or later is needed, this is ${Math.floor(facts.version / 10_000)}`,
      );
    }
    if (connections > facts.free) {
      throw new DatabaseUnsuitableError(
        `up to ${connections} connections are wanted, but PostgreSQL gives ${facts.free} (max_connections = ` +
          `${facts.max}, less those it reserves): lower the pool size or raise max_connections`,
      );
    }
    return { versionNumber: facts.version, noticesAbandoned: await canNoticeAbandoned(client) };
  } catch (error) {
    throw error instanceof DatabaseUnsuitableError ? error : connectError(url, error);
  } finally {
    await client.end().catch(() => {});
  }
}

async function canNoticeAbandoned(client: Client): Promise<boolean> {
  return client.query("SET client_connection_check_interval = '100ms'").then(
    () => true,
    () => false,
  );
}
