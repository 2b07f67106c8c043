/**
 * What the write statement costs above the plain insert of the same rows into the same tables, one
 * connection each, in one process, without gRPC.
 *
 *   node load/micro/write-path.ts [--rounds 7] [--preload 100000] [--only TITLE] [--base DIR] [--sql TEXT]
 *
 * Starts PostgreSQL in a temporary folder, with fsync as in production. The floor is one statement over
 * unnest arrays, prepared, that inserts memories, revisions and request log and decides nothing; ours
 * are the statements of the group commit as its connection sends them. All are run in turn, A B A B,
 * and the medians of the rounds shown: microseconds a row on the wall clock, and of the processor of
 * the PostgreSQL backend alone, which other work on the machine does not touch. `--base` names another
 * checkout, whose statements run beside ours; `--only` takes the shapes with these words in their title;
 * `--sql` is run before, for instance to drop an index and see what it costs.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Client } from 'pg';
import { type Database, openDatabase } from '../../src/server/database/database.ts';
import { startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/server/database/migrate.ts';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { newId } from '../../src/server/domain/ids.ts';
import type { WriteRequest } from '../../src/server/domain/repository.ts';
import { quantile, ratioOf } from '../alternate.ts';
import { openFloor } from './plain-unnest.ts';

/** Writes requests in one transaction. */
export interface Contender {
  readonly name: string;
  /** Of the PostgreSQL backend. */
  readonly pid: number;
  write(requests: readonly WriteRequest[]): Promise<unknown>;
  end(): Promise<void>;
}

/** One request of each kind of traffic; `fresh`: new memories, otherwise writes over those of before. */
interface Shape {
  readonly title: string;
  readonly requests: number;
  readonly changes: number;
  readonly fresh: boolean;
}

const SHAPES: readonly Shape[] = [
  { title: 'one save', requests: 1, changes: 1, fresh: true },
  { title: '32 saves', requests: 32, changes: 1, fresh: true },
  { title: '64 saves', requests: 64, changes: 1, fresh: true },
  { title: '256 saves', requests: 256, changes: 1, fresh: true },
  { title: 'a batch of 100', requests: 1, changes: 100, fresh: true },
  { title: '64 overwrites', requests: 64, changes: 1, fresh: false },
];
/** Rows of one contender in one round. */
const ROUND_ROWS = 3000;

/** Each floor counts on from numbers that none before it had. */
let nextChange = 1;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    preload: { type: 'string', default: '100000' },
    only: { type: 'string', default: '' },
    sql: { type: 'string', default: '' },
    base: { type: 'string' },
  },
});

const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-micro-'));
const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 50 });
try {
  const database = await openDatabase({ url: postgres.url, poolMax: 4, poolMin: 0 });
  await migrate(await database.orm());
  if (flags.sql !== '') await database.pool.query({ text: flags.sql });
  await preload(database, Number(flags.preload));
  for (const shape of SHAPES.filter(({ title }) => title.includes(flags.only))) await compare(database, shape);
  await database.close();
} finally {
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function compare(database: Database, shape: Shape): Promise<void> {
  const contenders: Contender[] = [await openFloor(await database.openWriteConnection(), nextChange, shape.fresh)];
  nextChange += 10_000_000;
  const root = new URL('../../', import.meta.url).href;
  const roots = flags.base === undefined ? [root] : [`file://${flags.base}/`, root];
  for (const each of roots) contenders.push(await openOurs(database, each, each === root ? 'ours' : 'base', shape));
  const rounds = Number(flags.rounds);
  const seen = contenders.map(() => ({ wall: [] as number[], cpu: [] as number[] }));
  for (let round = -1; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const { wall, cpu } = await measure(contender, index + 1, shape);
      // The first only warms up.
      if (round < 0) continue;
      seen[index]?.wall.push(wall);
      seen[index]?.cpu.push(cpu);
    }
  }
  const floor = seen[0];
  for (const [index, { name }] of contenders.entries()) {
    const { wall = [], cpu = [] } = seen[index] ?? {};
    const ratio = ratioOf(floor?.wall ?? [], wall);
    const cpuRatio = ratioOf(floor?.cpu ?? [], cpu);
    const cells = [
      shape.title.padEnd(16),
      name.padEnd(6),
      `wall ${quantile(wall, 0.5).toFixed(1).padStart(6)} us/row`,
      `speed ${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}) x floor`,
      `backend ${quantile(cpu, 0.5).toFixed(1).padStart(6)} us/row`,
      `${cpuRatio.median.toFixed(2)} (${cpuRatio.low.toFixed(2)}-${cpuRatio.high.toFixed(2)}) x floor`,
    ];
    console.log(cells.join('  '));
  }
  await Promise.all(contenders.map((contender) => contender.end()));
}

async function measure(contender: Contender, workspaceId: number, shape: Shape) {
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
async function openOurs(database: Database, root: string, name: string, shape: Shape) {
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
async function preload({ pool }: Database, rows: number): Promise<void> {
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
