import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/server/database/database.ts';
import { SchemaNewerError } from '../../src/server/database/errors.ts';
import { migrate } from '../../src/server/database/migrate.ts';
import { MIGRATIONS } from '../../src/server/database/migrations/all.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';
import { TEST_POOL } from '../support/postgres-server.ts';

let empty: TestDatabase;
let servers: Database[] = [];
const ALL = MIGRATIONS.map((migration) => migration.name);

async function startServer(): Promise<Database> {
  const server = await openDatabase({ ...TEST_POOL, url: empty.url });
  servers.push(server);
  return server;
}

beforeEach(async () => {
  empty = await createEmptyDatabase();
});

afterEach(async () => {
  const open = servers;
  servers = [];
  await Promise.all(open.map((server) => server.close()));
  await empty.drop();
});

test('of servers that start together on an empty database one migrates, and all come up', async () => {
  const together = await Promise.all([startServer(), startServer(), startServer(), startServer()]);
  const settled = await Promise.allSettled(together.map(async (server) => migrate(await server.orm())));
  const done = settled.map((each) => (each.status === 'fulfilled' ? each.value : [`${each.reason}`]));
  expect(done.toSorted((a, b) => b.length - a.length)).toEqual([ALL, [], [], []]);
  for (const server of together) {
    expect(await (await server.orm()).em.execute('SELECT count(*)::int AS n FROM memories')).toEqual([{ n: 0 }]);
  }
});

test('a second start finds nothing to do and waits for nobody', async () => {
  const first = await startServer();
  await migrate(await first.orm());
  await first.pool.withClient(async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT * FROM migration_lock FOR UPDATE');
    const second = await startServer();
    expect(await migrate(await second.orm())).toEqual([]);
    await client.query('ROLLBACK');
  });
});

test('a migration that fails leaves nothing behind, and the next start succeeds', async () => {
  const server = await startServer();
  await (await server.orm()).em.execute('CREATE TABLE jobs (oops int)');
  await expect(migrate(await server.orm())).rejects.toThrow(/jobs/);
  expect(await (await server.orm()).em.execute("SELECT to_regclass('memories') AS memories")).toEqual([
    { memories: null },
  ]);
  await (await server.orm()).em.execute('DROP TABLE jobs');
  expect(await migrate(await server.orm())).toEqual(ALL);
});

test('a schema newer than the program is refused with both versions named', async () => {
  const server = await startServer();
  await migrate(await server.orm());
  await (await server.orm()).em.execute("INSERT INTO schema_migrations (name) VALUES ('29990101000000_future')");
  const refused = await migrate(await server.orm()).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(SchemaNewerError);
  expect(refused).toMatchObject({ schemaVersion: '29990101000000_future', programVersion: ALL.at(-1) });
  expect((refused as Error).message).toContain('29990101000000_future');
  expect((refused as Error).message).toContain(ALL.at(-1));
});

test('names of migrations sort by time, each is unique', () => {
  expect(ALL).toEqual([...new Set(ALL)].sort());
  for (const name of ALL) expect(name).toMatch(/^\d{14}_[a-z_]+$/);
});

test('every installation gets a token key of 32 bytes of its own', async () => {
  const server = await startServer();
  await migrate(await server.orm());
  const keys = await (await server.orm()).em.execute<{ purpose: string; secret: Buffer }[]>(
    'SELECT * FROM server_keys',
  );
  expect(keys).toMatchObject([{ id: 1, purpose: 'token_sealing' }]);
  expect(keys[0]?.secret.length).toBe(32);

  await empty.drop();
  empty = await createEmptyDatabase();
  const other = await startServer();
  await migrate(await other.orm());
  const others = await (await other.orm()).em.execute<{ secret: Buffer }[]>('SELECT secret FROM server_keys');
  expect(others[0]?.secret.toString('hex')).not.toBe(keys[0]?.secret.toString('hex'));
});
