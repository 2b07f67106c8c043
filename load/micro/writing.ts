import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Client } from 'pg';
import type { Database } from '../../src/server/database/database.ts';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { newId } from '../../src/server/domain/ids.ts';
import type { WriteRequest } from '../../src/server/domain/repository.ts';

/** Writes requests in one transaction. */
export interface Contender {
  readonly name: string;
  /** Of the PostgreSQL backend. */
  readonly pid: number;
  write(requests: readonly WriteRequest[]): Promise<unknown>;
  end(): Promise<void>;
}

/** One request of each kind of traffic; `fresh`: new memories, otherwise writes over those of before. */
export interface Shape {
  readonly title: string;
  readonly requests: number;
  readonly changes: number;
  readonly fresh: boolean;
}

/** Rows of one contender in one round. */
const ROUND_ROWS = 3000;

/** Microseconds a row of one round: on the wall clock, and of the backend's processor. */
export async function measure(contender: Contender, workspaceId: number, shape: Shape) {
  const batchRows = shape.requests * shape.changes;
  const batches: WriteRequest[][] = [];
  // One row at a time is mostly the commit: fewer of them take as long.
  const count = Math.ceil((batchRows === 1 ? ROUND_ROWS / 3 : ROUND_ROWS) / batchRows);
  for (let n = 0; n < count; n++) batches.push(requestsOf(workspaceId, shape, n));
  const cpuBefore = cpuMicros(contender.pid);
  const startedAt = performance.now();
  for (const batch of batches) await contender.write(batch);
  const rows = count * batchRows;
  return {
    wall: ((performance.now() - startedAt) * 1000) / rows,
    cpu: (cpuMicros(contender.pid) - cpuBefore) / rows,
  };
}

/** Processor time of a process, to the nanosecond, in microseconds. Linux only. */
function cpuMicros(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
}

function requestsOf(workspaceId: number, shape: Shape, batch: number): WriteRequest[] {
  return Array.from({ length: shape.requests }, (_, request) => ({
    workspaceId,
    access: UNBOUND,
    author: 'load test',
    note: 'load',
    requestId: randomUUID(),
    requestHash: new Uint8Array(32).fill(batch),
    changes: Array.from({ length: shape.changes }, (_, change) => ({
      kind: 'save' as const,
      // An overwritten memory has a number for its id.
      id: shape.fresh ? newId() : `00000000-0000-4000-8000-${String(batch * 1000 + request).padStart(12, '0')}`,
      fresh: shape.fresh,
      expectedChangeNo: undefined,
      owner: { scope: 2 as const, userId: '', team: `team-${(request + change) % 20}` },
      key: '',
      createOnly: false,
      fields: {
        category: 'decision',
        content: `Deploys happen Tuesdays 14:00-16:00 UTC, outside of the December freeze. ${'x'.repeat(140)}`,
        tags: ['deploy', 'load'],
        metadata: { ticket: `OPS-${change}`, priority: 3 },
        expireTime: undefined,
        ttlMicros: undefined,
      },
    })),
    validateOnly: false,
    bumpCacheEpoch: false,
  }));
}

/** The group commit's own connection and statements, from the checkout at `root`. */
export async function openOurs(database: Database, root: string, name: string, shape: Shape) {
  const repository = `${root}src/server/repository/`;
  const { WriteConnection } = await import(`${repository}group-commit-connection.ts`);
  const { writeInput } = await import(`${repository}group-commit-input.ts`);
  const { OutcomeRows } = await import(`${repository}group-commit-rows.ts`);
  const statements = await import(`${repository}statements/write-changes.ts`);
  let client: Client | undefined;
  const open = async () => {
    client = await database.openWriteConnection();
    return client;
  };
  const statement = shape.changes > 1 ? statements.WRITE_TOGETHER : statements.WRITE_SINGLES;
  const connection = await WriteConnection.open(open, statement);
  const pid = (client as unknown as { processID: number }).processID;
  return {
    name,
    pid,
    write: (requests: readonly WriteRequest[]) =>
      connection.write(
        [requests[0]?.workspaceId ?? 0],
        writeInput(requests),
        new OutcomeRows(shape.requests * shape.changes),
      ),
    end: async () => connection.close(),
  };
}

/** Workspaces, and rows of another one, so that indexes have their usual height. */
export async function preload({ pool }: Database, rows: number): Promise<void> {
  await pool.query({ text: `INSERT INTO workspace_heads (workspace_id) SELECT n FROM generate_series(1, 9) n` });
  await pool.query({
    text: `
    WITH m AS (
      INSERT INTO memories (workspace_id, id, revision, change_no, scope, team, category, content, create_time, update_time)
      SELECT 1 + n % 3, gen_random_uuid(), 1, -n, 2, 'team-' || n % 20, 'decision', repeat('some words ', 20),
             now() - n * interval '1 second', now() FROM generate_series(1, ${rows}) n RETURNING *),
    r AS (
      INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, team, category,
                                    content, create_time, update_time)
      SELECT workspace_id, change_no, id, 1, 1, scope, team, category, content, create_time, update_time FROM m)
    INSERT INTO request_log SELECT workspace_id, gen_random_uuid(), '', change_no, 1, now() FROM m`,
  });
  await pool.query({ text: 'VACUUM ANALYZE' });
}
