import { msFromTimestamp } from '../../../shared/time.ts';
import type { DoctorContext } from '../context.ts';
import { bad, type Check, type Finding, ok, skipped, warn } from '../finding.ts';
import { withDatabase } from '../live-database.ts';

/** Tokens and expiries are judged by these clocks. */
const WARN_MS = 1_000;
const BAD_MS = 5_000;
const ADVICE = 'Let chrony or systemd-timesyncd keep the clocks of all hosts.';

export const clock: Check = {
  name: 'clock',
  about: 'the clocks of this machine, the server and the database',
  async run(context) {
    const { database } = context;
    const server = await skew('The server', () => serverTime(context));
    if ('missing' in database) return [server, skipped(`The database's clock was not looked at: ${database.missing}.`)];
    return [
      server,
      await withDatabase(database.url, async (client) => {
        const now = async () => {
          const { rows } = await client.query<{ ms: number }>(
            'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms',
          );
          return rows[0]?.ms ?? Number.NaN;
        };
        return skew('The database', now);
      }),
    ];
  },
};

async function serverTime(context: DoctorContext): Promise<number> {
  const { at } = await context.stats();
  return at === undefined ? Number.NaN : msFromTimestamp(at);
}

/** A clock that is read between two moments here cannot be told apart from any time between them. */
async function skew(whose: string, now: () => Promise<number>): Promise<Finding> {
  const before = Date.now();
  const there = await now();
  const after = Date.now();
  const away = there < before ? there - before : there > after ? there - after : 0;
  const said = `${whose}'s clock is ${Math.abs(away).toFixed(0)} ms ${away < 0 ? 'behind' : 'ahead of'} this machine's, read within ${after - before} ms.`;
  if (Number.isNaN(there) || Math.abs(away) > BAD_MS) return bad(said, ADVICE);
  return Math.abs(away) > WARN_MS ? warn(said, ADVICE) : ok(said);
}
