import type { Client } from 'pg';
import { WRITE_SETUP } from '../../../server/repository/group-commit-connection.ts';
import { PLAN_CASES, WRITES } from '../../../server/repository/plan-cases.ts';
import type { PlanCase } from '../../../server/repository/statements/statement.ts';
import { bad, type Check, type Finding, ok, skipped } from '../finding.ts';
import { withDatabase } from '../live-database.ts';

/** From so many rows on, reading all of a table is a fault; below, it may be the fastest there is. */
const LARGE = 10_000;

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** Explains every statement the server sends, on the live database and without running it. */
export const indexUse: Check = {
  name: 'index-use',
  about: 'the plan of every query on the live database, and that each index is there',
  async run({ database }) {
    if ('missing' in database) return [skipped(`Not looked at: ${database.missing}.`)];
    const reads = PLAN_CASES.filter(({ statement }) => !WRITES.includes(statement.kind));
    const writes = PLAN_CASES.filter(({ statement }) => WRITES.includes(statement.kind));
    const { url } = database;
    const [indexes, scans, rows] = await withDatabase(url, async (client) => [
      await validIndexes(client),
      await scansOf(client, reads),
      await rowsOf(client),
    ]);
    const writeScans = await withDatabase(url, async (client) => {
      await client.query(WRITE_SETUP);
      return scansOf(client, writes);
    });
    return [indexFinding(indexes), planFinding([...scans, ...writeScans], rows)];
  },
};

/** A sequential scan the planner has chosen; `forced`: it had nothing else. */
interface Scan {
  readonly title: string;
  readonly table: string;
  readonly forced: boolean;
}

function indexFinding(valid: ReadonlySet<string>): Finding {
  const users = Map.groupBy(
    PLAN_CASES.flatMap(({ title, indexes }) => (indexes === 'one' ? [] : indexes).map((index) => ({ title, index }))),
    ({ index }) => index,
  );
  const missing = [...users].filter(([index]) => !valid.has(index));
  if (missing.length === 0) return ok(`All ${users.size} indexes that the statements use are there and valid.`);
  const each = missing.map(
    ([index, cases]) => `${index} (${[...new Set(cases.map(({ title }) => title))].slice(0, 3).join(', ')})`,
  );
  return bad(
    `${missing.length} of ${users.size} indexes are missing or invalid: ${each.join('; ')}.`,
    'Make each again as the migration does (`memory-hub` has its text in src/server/database/migrations), with CREATE INDEX CONCURRENTLY.',
  );
}

function planFinding(scans: readonly Scan[], rows: ReadonlyMap<string, number>): Finding {
  const faults = scans.filter(({ table, forced }) => forced || (rows.get(table) ?? 0) >= LARGE);
  const small = scans.length - faults.length;
  if (faults.length === 0) {
    const aside =
      small === 0 ? '' : `; ${small} read a table below ${LARGE} rows at once, and would use its index if it grew`;
    return ok(`${PLAN_CASES.length} statements were explained, and none must read a whole table${aside}.`);
  }
  const each = faults.slice(0, 5).map(({ title, table }) => `"${title}" all ${rows.get(table) ?? 0} rows of ${table}`);
  return bad(
    `${faults.length} of ${PLAN_CASES.length} statements read a whole table: ${each.join('; ')}.`,
    'Run ANALYZE; if that does not help, an index is missing.',
  );
}

async function scansOf(client: Client, cases: readonly PlanCase[]): Promise<Scan[]> {
  const scans: Scan[] = [];
  for (const planCase of cases) {
    const tables = await scannedBy(client, planCase);
    if (tables.length === 0) continue;
    const unavoidable = await scannedBy(client, planCase, 'SET LOCAL enable_seqscan = off');
    for (const table of tables) scans.push({ title: planCase.title, table, forced: unavoidable.includes(table) });
  }
  return scans;
}

/** Tables that the plan reads from end to end. */
async function scannedBy(client: Client, { statement, values }: PlanCase, setting?: string): Promise<string[]> {
  const literals = values.map((value) => (value === null ? 'NULL' : client.escapeLiteral(value))).join(', ');
  await client.query('BEGIN READ ONLY');
  try {
    // Prepared statements may be planned once for all values; those without a name are planned for their own.
    await client.query(`SET LOCAL plan_cache_mode = force_${statement.name === undefined ? 'custom' : 'generic'}_plan`);
    if (setting !== undefined) await client.query(setting);
    await client.query(`PREPARE planned AS ${statement.text}`);
    const explain = `EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE planned${literals === '' ? '' : `(${literals})`}`;
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(explain);
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    const nodes = plan === undefined ? [] : flatten(plan);
    return nodes.flatMap((node) => (node['Node Type'] === 'Seq Scan' ? [node['Relation Name'] ?? '?'] : []));
  } finally {
    await client.query('ROLLBACK');
    // A prepared statement outlives its transaction.
    await client.query('DEALLOCATE ALL');
  }
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

async function validIndexes(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(`
    SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indisvalid AND pg_table_is_visible(i.indrelid)`);
  return new Set(rows.map(({ name }) => name));
}

/** Rows of each table, as the database estimates them. */
async function rowsOf(client: Client): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ name: string; rows: number }>(`
    SELECT c.relname AS name, greatest(c.reltuples, s.n_live_tup, 0)::float8 AS rows
      FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid`);
  return new Map(rows.map(({ name, rows }) => [name, rows]));
}
