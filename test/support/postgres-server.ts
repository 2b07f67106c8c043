import { Client } from 'pg';

/** Small pools: the test files of a run share one server. */
export const TEST_POOL = { poolMax: 8, poolMin: 0 } as const;

/** Runs statements that concern the server as a whole, each outside a transaction. */
export async function administer(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
