import { CONNECTIONS_BESIDE_POOL, connectionsOf } from '../../../server/database/pool-share.ts';
import { bad, type Check, ok, skipped, warn } from '../finding.ts';
import { withDatabase } from '../live-database.ts';

const ADVICE =
  'Lower MEMORYHUB_POOL_SIZE and MEMORYHUB_POOL_OVERFLOW, raise max_connections, or put PgBouncer between.';

interface Room {
  readonly max: number;
  readonly free: number;
  readonly others: number;
}

/** Whether the most this server may open fits beside what others have open. */
export const pool: Check = {
  name: 'pool',
  about: "connections the server may open, against PostgreSQL's max_connections",
  async run(context) {
    const { database, config, onThisMachine } = context;
    if ('missing' in database) return [skipped(`Not looked at: ${database.missing}.`)];
    const { postgres, processes } = await context.stats();
    const running = (postgres?.poolMax ?? 0) + CONNECTIONS_BESIDE_POOL * Math.max(1, processes.length);
    const wanted = onThisMachine ? Math.max(running, connectionsOf(config)) : running;
    const { max, free, others } = await withDatabase(database.url, async (client) => {
      const { rows } = await client.query<Room>(`
        SELECT current_setting('max_connections')::int AS max,
               current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                 - coalesce(current_setting('reserved_connections', true), '0')::int AS free,
               (SELECT count(*)::int FROM pg_stat_activity
                 WHERE backend_type = 'client backend' AND application_name NOT LIKE 'memory-hub%') AS others`);
      return rows[0] as Room;
    });
    const said = `The server may open ${wanted} connections; PostgreSQL gives ${free} of max_connections = ${max}`;
    if (wanted > free) return [bad(`${said}.`, ADVICE)];
    const beside = `${said}, and ${others} are other programs'.`;
    return [wanted + others > free ? warn(beside, ADVICE) : ok(beside)];
  },
};
