import { expect, test } from 'vitest';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

test('a migrated database is what the entities describe', async () => {
  expect(await difference()).toBe('');
});

test.each([
  ['a dropped column', 'ALTER TABLE memories DROP COLUMN author', /add "author" text/],
  ['a widened type', 'ALTER TABLE memories ALTER COLUMN scope TYPE int', /"scope" type smallint/],
  ['a forgotten NOT NULL', 'ALTER TABLE memory_revisions ALTER COLUMN note DROP NOT NULL', /"note" set not null/],
  ['a lost default', 'ALTER TABLE memories ALTER COLUMN category DROP DEFAULT', /"category" set default/],
  ['times in milliseconds', 'ALTER TABLE memories ALTER COLUMN create_time TYPE timestamptz(3)', /timestamptz\(6\)/],
  ['an index gone', 'DROP INDEX memories_create_time', /create index "memories_create_time"/],
  ['a partial index made full', reindex('memories_delete_time', 'memories (workspace_id, delete_time)'), /where/],
  ['BRIN made btree', reindex('request_log_at', 'request_log (at)'), /using brin/],
  ['a unique constraint gone', 'ALTER TABLE memories DROP CONSTRAINT memories_change_no', /unique/],
  ['a table nobody describes', 'CREATE TABLE stray (id int)', /drop table .*"stray"/],
])('%s would be noticed', async (_, change, expected) => {
  await (await database().orm()).em.execute(change);
  expect(await difference()).toMatch(expected);
  await (await database().orm()).schema.update({ safe: false });
  expect(await difference()).toBe('');
});

test('pages keep the room that updates in place need', async () => {
  const rows = await (await database().orm()).em.execute<{ relname: string; reloptions: string[] }[]>(
    "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL AND relkind = 'r' ORDER BY relname",
  );
  expect(rows).toEqual([
    { relname: 'memories', reloptions: ['fillfactor=85'] },
    { relname: 'workspace_heads', reloptions: ['fillfactor=20'] },
  ]);
});

test('no table has a foreign key', async () => {
  const rows = await (await database().orm()).em.execute("SELECT conname FROM pg_constraint WHERE contype = 'f'");
  expect(rows).toEqual([]);
});

function reindex(name: string, on: string): string {
  return `DROP INDEX ${name}; CREATE INDEX ${name} ON ${on}`;
}

async function difference(): Promise<string> {
  return (await database().orm()).schema.getUpdateSchemaSQL({ wrap: false, safe: false });
}
