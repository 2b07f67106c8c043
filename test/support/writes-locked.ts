import { Client } from 'pg';

/** Does some work while another session holds the lock every write needs. */
export async function withWritesLocked<T>(url: string, work: () => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM workspace_heads FOR UPDATE');
    return await work();
  } finally {
    await client.end();
  }
}
