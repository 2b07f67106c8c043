import { expect, test } from 'vitest';
import { tableSizes } from '../../src/server/repository/server-repository.ts';
import { testDatabase } from '../support/database.ts';

const database = testDatabase();

test('the three tables are told with their size, their dead rows and each of their indexes', async () => {
  const tables = await tableSizes(database());
  expect(tables.map(({ name }) => name)).toEqual(['memories', 'memory_revisions', 'request_log']);
  for (const { tableBytes, indexBytes, indexes, deadRows, sequentialScans } of tables) {
    expect(tableBytes).toBeGreaterThanOrEqual(0);
    expect(indexes.length).toBeGreaterThan(0);
    // An index of a table has all of its forks counted in the sum; the main one is what it is told with.
    expect(indexes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(indexBytes);
    expect(deadRows).toBeGreaterThanOrEqual(0);
    expect(sequentialScans).toBeGreaterThanOrEqual(0);
  }
});

test('a scan of a whole table and one by an index are told apart', async () => {
  const scans = async () => {
    const memories = (await tableSizes(database())).find(({ name }) => name === 'memories');
    if (memories === undefined) throw new Error('there is no table memories');
    return [memories.sequentialScans, memories.indexes.reduce((sum, { scans: byIndex }) => sum + byIndex, 0)];
  };
  const readWithout = async (...methods: readonly string[]) =>
    (await database().orm()).em.transactional(async (em) => {
      for (const method of methods) await em.execute(`SET LOCAL enable_${method} = off`);
      await em.execute(`SELECT content FROM memories WHERE workspace_id = 1 AND id = '${crypto.randomUUID()}'`);
    });
  const [whole = 0, byIndex = 0] = await scans();
  await readWithout('indexscan', 'indexonlyscan', 'bitmapscan');
  // Sessions report what they did at most once a second.
  await expect.poll(scans, { timeout: 15_000 }).toEqual([whole + 1, byIndex]);
  await readWithout('seqscan');
  await expect.poll(scans, { timeout: 15_000 }).toEqual([whole + 1, byIndex + 1]);
});
