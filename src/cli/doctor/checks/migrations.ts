import { MIGRATIONS } from '../../../server/database/migrations/all.ts';
import { MIGRATIONS_TABLE } from '../../../server/database/orm-config.ts';
import { bad, type Check, ok, skipped } from '../finding.ts';
import { withDatabase } from '../live-database.ts';

export const migrations: Check = {
  name: 'migrations',
  about: "the schema against this program's version",
  async run({ database }) {
    if ('missing' in database) return [skipped(`Not looked at: ${database.missing}.`)];
    const { rows } = await withDatabase(database.url, (client) =>
      client.query<{ name: string }>(`SELECT name FROM ${MIGRATIONS_TABLE}`),
    );
    const done = new Set(rows.map(({ name }) => name));
    const known = MIGRATIONS.map(({ name }) => name);
    const lacking = known.filter((name) => !done.has(name));
    const foreign = [...done].filter((name) => !known.includes(name));
    if (lacking.length > 0) {
      return [
        bad(
          `${lacking.length} of ${known.length} migrations are not in the database: ${lacking.join(', ')}.`,
          'Restart one server of this version: each runs what is lacking before it serves.',
        ),
      ];
    }
    if (foreign.length > 0) {
      return [
        bad(
          `The database has ${foreign.length} migrations this program does not know: ${foreign.join(', ')}.`,
          'Run the version of memory-hub that made them, here and as servers.',
        ),
      ];
    }
    return [ok(`All ${known.length} migrations are in the database, the newest ${known.at(-1)}.`)];
  },
};
