import { Client } from 'pg';
import { queryTimeoutMs, type SessionTimeouts, sessionSettings, WRITE_SETTINGS } from './session.ts';
import { connectError, resultTypes, withSettings } from './target.ts';

/**
 * A connection of its own for the group commit, outside the pool. Statements given to it at once are
 * pipelined: sent without waiting for the answers of those before.
 *
 * The caller listens to 'error' and 'end', opens another one after either, and calls `end()`.
 *
 * @throws DatabaseConnectError
 */
export async function connectForWriting(
  url: string,
  timeouts: SessionTimeouts,
  noticesAbandoned: boolean,
): Promise<Client> {
  const client = new Client({
    connectionString: withSettings(url, { ...sessionSettings(timeouts, noticesAbandoned), ...WRITE_SETTINGS }),
    connectionTimeoutMillis: timeouts.connectTimeoutMs,
    query_timeout: queryTimeoutMs(timeouts),
    keepAlive: true,
    pipeline: true,
    types: resultTypes(),
    application_name: 'memory-hub write',
  });
  // Errors between the statements; those of a statement reject its promise.
  client.on('error', () => {});
  try {
    return await client.connect();
  } catch (error) {
    throw connectError(url, error);
  }
}
