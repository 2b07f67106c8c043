import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';

/** Loaded into the server: a promise that is rejected, and handled by nobody, at each SIGUSR2. */
const PLANT = 'process.on("SIGUSR2",()=>void(Promise.reject(new Error("planted"))))';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('a server with a rejection nobody handles says so in its log, closes and ends with 1', async () => {
  const server = new ServerProcess({
    DATABASE_URL: database.url,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PLANT)}`,
  });
  try {
    const hub = await server.connect();
    await hub.memories.getStorageInfo({});
    hub.close();
    expect(await server.stop('SIGUSR2')).toBe(1);
    const lines = server.output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    const fatal = lines.filter(({ level }) => level === 60);
    expect(fatal).toMatchObject([{ origin: 'unhandledRejection', err: { type: 'Error', message: 'planted' } }]);
  } finally {
    await server.cleanUp();
  }
});
