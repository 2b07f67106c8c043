import { Client, DatabaseError } from 'pg';
import { DATABASE, SUPERUSER } from './settings.ts';

export function urlOf(port: number, password: string): string {
  return `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`;
}

/**
 * Asks PostgreSQL whether it takes calls.
 *
 * @returns its `max_connections`; undefined when it does not answer in time, or not yet
 * @throws DatabaseError when it refuses us, as with a wrong password
 */
export async function ping(url: string, timeoutMs: number): Promise<number | undefined> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    ssl: false,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ max_connections: string }>('SHOW max_connections');
    return Number(rows[0]?.max_connections);
  } catch (error) {
    // Class 57P: starting, stopping or recovering. 53300: so much up that there is no connection left.
    if (error instanceof DatabaseError && !error.code?.startsWith('57P') && error.code !== '53300') throw error;
    return undefined;
  } finally {
    await client.end().catch(() => {});
  }
}
