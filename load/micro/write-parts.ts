/**
 * What the parts of a write cost: the lock of the workspace, the log of requests, what is decided, and each index that
 * the statement itself does not need.
 *
 *   node load/micro/write-parts.ts [--rounds 9] [--preload 100000]
 *
 * Batches of 64 saves, in turn: the plain insert without and with a part, the statement of the group commit, and that
 * once more for each index, in a copy of the database that has not got it. Shown is the processor time of the
 * PostgreSQL backend, in microseconds a row, and by how much it is more than what it is compared with, round by round.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Database, openDatabase } from '../../src/server/database/database.ts';
import { startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';
import { migrate } from '../../src/server/database/migrate.ts';
import { planCases } from '../../src/server/repository/statements/write-changes.ts';
import { quantile, spreadOf } from '../alternate.ts';
import { openFloor } from './plain-unnest.ts';
import { type Contender, measure, openOurs, preload, type Shape } from './writing.ts';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '9' }, preload: { type: 'string', default: '100000' } },
});
const SHAPE: Shape = { title: '64 saves', requests: 64, changes: 1, fresh: true };
const ROOT = new URL('../../', import.meta.url).href;
const TABLES = ['memories', 'memory_revisions', 'request_log'];

/** One line, and what it is compared with: the same with something more. */
interface Part {
  readonly title: string;
  readonly contender: Contender;
  readonly workspaceId: number;
  readonly whole?: { readonly title: string; readonly cost: string };
  readonly cpu: number[];
}

const STATEMENT = 'the statement';

const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-micro-'));
const postgres = await startEmbeddedPostgres({ dataDir, maxConnections: 100 });
const open: Database[] = [];
const connect = async (url: string) => {
  const database = await openDatabase({ url, poolMax: 2, poolMin: 0 });
  open.push(database);
  return database;
};
try {
  const copies = await copiesWithout(await prepare());
  const parts = [...(await ours(copies)), ...(await floors())];
  for (let round = -1; round < Number(flags.rounds); round++) {
    for (const part of parts) {
      const { cpu } = await measure(part.contender, part.workspaceId, SHAPE);
      // The first only warms up.
      if (round >= 0) part.cpu.push(cpu);
    }
  }
  console.log('| batches of 64 saves | us a row | what is missing costs, us (middle half) |\n|---|---|---|');
  for (const part of parts) console.log(line(part, parts));
  await Promise.all(parts.map(({ contender }) => contender.end()));
} finally {
  await Promise.all(open.map((database) => database.close()));
  await postgres.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

/** @returns the indexes that only cost: not those by which the statement finds what it needs, nor those that keep a promise */
async function prepare(): Promise<string[]> {
  const database = await openDatabase({ url: postgres.url, poolMax: 2, poolMin: 0 });
  await migrate(await database.orm());
  await preload(database, Number(flags.preload));
  const needed = planCases.flatMap(({ indexes = [] }) => indexes);
  const { rows } = await database.pool.query<{ name: string }>({
    text: `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indrelid::regclass::text = ANY($1) AND NOT i.indisunique ORDER BY 1`,
    values: [TABLES],
  });
  await database.close();
  return rows.map(({ name }) => name).filter((name) => !needed.includes(name));
}

/** Copies of the database, each without one of the indexes. */
async function copiesWithout(indexes: readonly string[]): Promise<{ index: string; url: string }[]> {
  const copies = [];
  for (const [number, index] of indexes.entries()) {
    const url = new URL(postgres.url);
    const database = await openDatabase({ url: postgres.url, poolMax: 2, poolMin: 0 });
    await database.pool.query({ text: `CREATE DATABASE without_${number} TEMPLATE ${url.pathname.slice(1)}` });
    // Nobody may be connected to what is copied.
    await database.close();
    url.pathname = `/without_${number}`;
    const copy = await connect(url.href);
    await copy.pool.query({ text: `DROP INDEX ${index}` });
    copies.push({ index, url: url.href });
  }
  return copies;
}

async function ours(copies: readonly { index: string; url: string }[]): Promise<Part[]> {
  const open = async (title: string, url: string) => {
    const contender = await openOurs(await connect(url), ROOT, title, SHAPE);
    return { title, contender, workspaceId: 4, cpu: [] };
  };
  const parts: Part[] = [await open(STATEMENT, postgres.url)];
  for (const { index, url } of copies) {
    parts.push({ ...(await open(`without ${index}`, url)), whole: { title: STATEMENT, cost: 'the index' } });
  }
  return parts;
}

async function floors(): Promise<Part[]> {
  const database = await connect(postgres.url);
  const open = async (title: string, workspaceId: number, what: object, whole: Part['whole']) => {
    const contender = await openFloor(await database.openWriteConnection(), workspaceId * 10_000_000, what);
    return { title, contender, workspaceId, cpu: [], ...(whole && { whole }) };
  };
  const locked = 'plain insert under the lock';
  const plain = 'plain insert';
  return [
    await open(locked, 1, { lock: true }, { title: STATEMENT, cost: 'what is decided' }),
    await open(plain, 2, {}, { title: locked, cost: 'lock and number' }),
    await open(`${plain} without the log`, 3, { log: false }, { title: plain, cost: 'the log of requests' }),
  ];
}

function line({ title, cpu, whole }: Part, parts: readonly Part[]): string {
  const more = parts.find((part) => part.title === whole?.title)?.cpu ?? [];
  const { median, low, high } = spreadOf(more.map((us, round) => us - (cpu[round] ?? Number.NaN)));
  const cost = whole ? `${whole.cost}: ${median.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})` : '';
  return `| ${title} | ${quantile(cpu, 0.5).toFixed(1)} | ${cost} |`;
}
