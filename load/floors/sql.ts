import { Client } from 'pg';
import type { Contender } from '../alternate.ts';

const COLUMNS = `id, key, scope, user_id, team, category, content, tags, metadata, revision, change_no, author,
  create_time, update_time, delete_time, expire_time`;
const FETCH = 1000;

/** The floor of listing: the driver reads the same rows with a cursor. Units are rows. */
export function cursor(databaseUrl: string): Contender {
  return {
    name: 'pg cursor',
    pid: 0,
    run: (seconds) =>
      repeat(seconds, databaseUrl, async (client) => {
        let rows = 0;
        await client.query('BEGIN READ ONLY');
        await client.query(`DECLARE c CURSOR FOR SELECT ${COLUMNS} FROM memories WHERE workspace_id = 1
          ORDER BY create_time DESC, id DESC`);
        for (;;) {
          const page = await client.query(`FETCH ${FETCH} FROM c`);
          rows += page.rows.length;
          if (page.rows.length < FETCH) break;
        }
        await client.query('COMMIT');
        return rows;
      }),
  };
}

/** The floor of exporting: COPY of the same rows, whose bytes are counted and thrown away. Units are bytes. */
export function copy(databaseUrl: string): Contender {
  const text = `COPY (SELECT ${COLUMNS} FROM memories WHERE workspace_id = 1 ORDER BY id) TO STDOUT`;
  return {
    name: 'COPY TO STDOUT',
    pid: 0,
    run: (seconds) => repeat(seconds, databaseUrl, (client) => copyBytes(client, text)),
  };
}

/** What pg's Client knows of its connection and does not tell TypeScript. */
interface Inside {
  readonly connection: NodeJS.EventEmitter & { query(text: string): void };
}

/** COPY through pg: a query object of our own, which is what pg-copy-streams does as well. */
function copyBytes(client: Client, text: string): Promise<number> {
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const query = {
      submit: (connection: Inside['connection']) => connection.query(text),
      handleCopyData: ({ chunk }: { chunk: Buffer }) => {
        bytes += chunk.byteLength;
      },
      handleCommandComplete: () => {},
      handleReadyForQuery: () => resolve(bytes),
      handleError: reject,
      callback: () => {},
    };
    client.query(query as unknown as Parameters<Client['query']>[0]);
  });
}

/** Repeats whole passes until the time is up. */
async function repeat(seconds: number, databaseUrl: string, pass: (client: Client) => Promise<number>) {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const start = performance.now();
    let units = 0;
    do units += await pass(client);
    while (performance.now() - start < seconds * 1000);
    return { units, seconds: (performance.now() - start) / 1000 };
  } finally {
    await client.end();
  }
}
