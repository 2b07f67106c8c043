import { Client } from 'pg';
import type { Config } from '../../server/config.ts';
import { embeddedUrl } from '../../server/database/embedded/running-url.ts';
import { sessionSettings } from '../../server/database/session.ts';
import { connectError, resultTypes, withSettings } from '../../server/database/target.ts';

const TIMEOUTS = { statementTimeoutMs: 10_000, connectTimeoutMs: 3_000 };

/** How to reach the server's own database, or why that cannot be done from here. */
export type LiveDatabase = { readonly url: string } | { readonly missing: string };

/**
 * Looks for the database the server uses: that of DATABASE_URL, or the embedded one.
 *
 * @param keyId of a key the server has just made: a database without it is another server's
 */
export async function findLiveDatabase(
  { database_url, data_dir }: Config,
  onThisMachine: boolean,
  keyId: string,
): Promise<LiveDatabase> {
  const url = database_url ?? (onThisMachine ? embeddedUrl(data_dir) : undefined);
  if (url === undefined) {
    return { missing: 'the database is not reached from here: DATABASE_URL is not set, and no embedded one runs here' };
  }
  try {
    return await withDatabase(url, async (client) => {
      const { rowCount } = await client.query('SELECT 1 FROM api_keys WHERE id = $1', [keyId]);
      return rowCount === 1 ? { url } : { missing: 'the database reached from here is not the one the server uses' };
    });
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** A connection with the settings of the server's own, so that statements are planned alike; nothing is written. */
export async function withDatabase<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: withSettings(url, sessionSettings(TIMEOUTS, false)),
    connectionTimeoutMillis: TIMEOUTS.connectTimeoutMs,
    query_timeout: TIMEOUTS.statementTimeoutMs + 1000,
    types: resultTypes(),
    application_name: 'memory-hub doctor',
  });
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    throw connectError(url, error);
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
