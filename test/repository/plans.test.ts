import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { POLL_GENERATIONS } from '../../src/server/repository/admin-repository.ts';
import { WRITE_SETUP } from '../../src/server/repository/group-commit-connection.ts';
import { PAGE_SETTINGS } from '../../src/server/repository/page-read.ts';
import { ELSEWHERE, PLAN_CASES, WRITES } from '../../src/server/repository/plan-cases.ts';
import {
  CLAIM_JOB,
  DATABASE_NOW,
  EXPIRED_LOG_SLICES,
  PRUNE_LOG_SLICE,
  RELEASE_JOB,
  WORKSPACE_IDS,
} from '../../src/server/repository/retention-statements.ts';
import { TABLE_SIZES } from '../../src/server/repository/server-repository.ts';
import type { PlanCase } from '../../src/server/repository/statements/statement.ts';
import { testDatabase } from '../support/database.ts';

/**
 * The plan of every statement of the repository on a filled table, as the connections of production
 * would make it. Every file under statements/ that has SQL must list its statements here by exporting
 * planCases, so a new one cannot be forgotten.
 */

const room = fileURLToPath(new URL('../../src/server/repository/', import.meta.url));
const folder = fileURLToPath(new URL('../../src/server/repository/statements/', import.meta.url));
const files = globSync('*.ts', { cwd: folder }).sort();
const modules = await Promise.all(
  files.map(async (file) => ({
    file,
    hasStatement: /\bkind: '/.test(readFileSync(folder + file, 'utf8')),
    exports: (await import(pathToFileURL(folder + file).href)) as { planCases?: readonly PlanCase[] },
  })),
);

/** Reads every row, or a sample of them, by design. */
const WHOLE_TABLE = ['analyze.ts', 'storage-info.ts'];

/** SQL that has no plan to look at here, and why. */
const UNPLANNED: readonly (readonly [text: string, reason: string])[] = [
  [POLL_GENERATIONS.text, 'reads the head of every workspace, by design, in one scan'],
  [TABLE_SIZES.text, 'reads the catalogue, every ten seconds'],
  [DATABASE_NOW, 'reads no table'],
  [WORKSPACE_IDS, 'reads the head of every workspace, by design, once an hour'],
  [CLAIM_JOB, 'the table has a row for each job: one'],
  [RELEASE_JOB, 'as the claim'],
  [EXPIRED_LOG_SLICES, 'goes through a BRIN index, whose pages are too few here to be worth it'],
  [PRUNE_LOG_SLICE, 'goes by the place of its rows'],
];
/** Likewise, by how it begins. */
const UNPLANNED_STARTS: readonly (readonly [start: string, reason: string])[] = [
  ['SELECT system_identifier', 'reads the control file, once a process'],
  ['SELECT wait_event_type', 'reads what PostgreSQL has in memory of its sessions, once a second'],
  ['WITH dead AS', 'planned in test/database/retention.test.ts'],
  ['WITH page AS', 'planned in test/database/retention.test.ts'],
  ['INSERT INTO audit (workspace_id, key_id, author, peer, call_id, action, target, details) VALUES', 'reads no table'],
  ['UPDATE audit SET details', 'by primary key'],
  ['UPDATE api_keys SET revoke_time', 'by primary key, once in the life of a key'],
  ['UPDATE api_keys SET expire_time', 'by primary key, once in the life of a secret'],
  ['UPDATE api_keys SET previous_hash', 'by primary key, once in the life of a secret'],
  ['UPDATE workspace_heads SET cache_epoch = cache_epoch + 1', 'by primary key, or all: an operator asked for it'],
  ['UPDATE cache_generations', 'the table has a row for each cache: four'],
  ['SELECT 1 FROM workspaces', 'by primary key, when a setting is changed'],
  ['SELECT value, sealed, change_no', 'by primary key, when a setting is changed'],
  ['DELETE FROM settings', 'by primary key, when a setting is removed'],
  ['INSERT INTO setting', 'by primary key, when a setting is changed'],
  ['INSERT INTO sealing_keys', 'by primary key, once a workspace'],
  ['SELECT workspace_id, generation, kek_id', 'by primary key, once a workspace and process; all at a start'],
  ['SELECT secret FROM server_keys', 'the table has a row for each key of the server: one'],
  ['UPDATE sealing_keys', 'by primary key, when keys are rotated'],
  ["SELECT '", 'asks for the number of a type, once a connection'],
  ['SET enable_seqscan', 'a setting'],
  ['SELECT WHERE', 'sets settings'],
  ['PREPARE', 'of statements that are planned'],
];

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly Plans?: readonly PlanNode[];
}

const database = testDatabase();

beforeAll(async () => {
  const { pool } = database();
  const fill = (text: string) => pool.query({ text });
  await fill(`INSERT INTO workspace_heads SELECT n, 20000 FROM generate_series(1, 50) n`);
  await fill(`
    INSERT INTO memories (workspace_id, id, revision, change_no, scope, user_id, team, category, content, author,
                          create_time, update_time)
    SELECT 1 + n % 2, gen_random_uuid(), 1, n, 1 + n % 3, CASE n % 3 WHEN 0 THEN 'user' || n % 400 ELSE '' END,
           CASE n % 3 WHEN 1 THEN 'team' || n % 50 ELSE '' END, 'cat' || n % 20, repeat('some words ', 20), 'me',
           timestamptz '2023-11-14' + n * interval '1 second', now()
      FROM generate_series(1, 20000) n`);
  await fill(`
    INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, user_id, team, category,
                                  content, author, create_time, update_time)
    SELECT workspace_id, change_no, id, revision, 1, scope, user_id, team, category, content, author, create_time,
           update_time FROM memories`);
  await fill(`
    INSERT INTO api_keys (id, workspace_id, name, role, secret_hash)
    SELECT 'key' || n, 1 + n % 500, 'k', 2, '' FROM generate_series(1, 5000) n`);
  await fill(`INSERT INTO workspaces (name) SELECT 'w' || n FROM generate_series(1, 5000) n`);
  await fill(`
    INSERT INTO request_log SELECT 1, gen_random_uuid(), '', n, 1, now() FROM generate_series(1, 20000) n`);
  await fill(`
    INSERT INTO audit (workspace_id, at, key_id, author, action)
    SELECT n % 50, timestamptz '2023-11-14' + n * interval '1 hour', 'k', 'a', 'x' FROM generate_series(1, 20000) n`);
  await fill(`
    INSERT INTO settings (workspace_id, user_id, name, value)
    SELECT n % 50, 'user' || n % 100, 'name' || n, '1' FROM generate_series(1, 20000) n`);
  await fill(`
    INSERT INTO setting_revisions (workspace_id, user_id, name, operation, value)
    SELECT n % 50, 'user' || n % 100, 'name' || n, 1, '1' FROM generate_series(1, 20000) n`);
  await fill('ANALYZE');
});

describe('every statement of the repository', () => {
  it('is listed with its plan', () => {
    for (const { file, hasStatement, exports } of modules) {
      expect(Boolean(exports.planCases), `${file} exports planCases`).toBe(hasStatement);
      if (hasStatement && !WHOLE_TABLE.includes(file)) expect(exports.planCases, file).not.toEqual([]);
      for (const planCase of exports.planCases ?? []) expect(PLAN_CASES, file).toContain(planCase);
    }
  });

  it('is planned here or says why not, also outside the folder of statements', () => {
    const whole = ELSEWHERE.map(({ statement }) => statement.text);
    const known = [...whole, ...UNPLANNED.map(([text]) => text), ...UNPLANNED_STARTS.map(([start]) => start)];
    const unknown: string[] = [];
    const used = new Set<string>();
    for (const file of globSync('*.ts', { cwd: room })) {
      for (const sql of sqlOf(readFileSync(room + file, 'utf8'))) {
        const found = known.filter((text, index) =>
          index < whole.length + UNPLANNED.length ? oneLine(text).startsWith(sql) : sql.startsWith(text),
        );
        if (found.length === 0) unknown.push(`${file}: ${sql}`);
        for (const text of found) used.add(text);
      }
    }
    expect(unknown).toEqual([]);
    expect(known.filter((text) => !used.has(text))).toEqual([]);
    expect(sqlOf('run(`\n  DELETE FROM memories\n WHERE id`)')).toEqual(['DELETE FROM memories WHERE id']);
  });

  it('that reads or writes memories lives in the folder of statements', () => {
    const rows = /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b[\s\S]{0,200}?\b(memories|memory_revisions|request_log)\b/;
    for (const file of globSync('{memory,group-commit}*.ts', { cwd: room })) {
      expect(rows.test(readFileSync(room + file, 'utf8')), file).toBe(false);
    }
  });

  it.each(PLAN_CASES.map((planCase) => [planCase.title, planCase] as const))(
    '%s: uses its index',
    async (_, planCase) => {
      const root = await planOf(planCase);
      const nodes = flatten(root);
      expect(nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name'])).toEqual([]);
      const used = nodes.map((node) => node['Index Name']).filter((name) => name !== undefined);
      const { indexes } = planCase;
      if (indexes === 'one') expect(new Set(used).size).toBe(1);
      else expect([...new Set(used)].sort(), JSON.stringify(root, null, 1)).toEqual([...indexes].sort());
      // Rows come out of the index in order: a sort would read all of them before the first is given out
      // (of a list by id there is only one).
      const one = planCase.statement.kind === 'list_page' && planCase.indexes.includes('memories_pkey');
      if (/^(list|export)_page$/.test(planCase.statement.kind) && !one) {
        expect(nodes.map((node) => node['Node Type'])).not.toContain('Sort');
      }
    },
  );
});

describe('a page of a list', () => {
  it.each(['list', 'list oldest first', 'list by change', 'list of a bound user'])(
    '%s: walks no further than its rows, however large the scan budget is',
    async (title) => {
      const planCase = modules.flatMap(({ exports }) => exports.planCases ?? []).find((each) => each.title === title);
      if (planCase === undefined) throw new Error(`there is no ${title}`);
      // Pages are executed with a number of rows, which EXPLAIN cannot be told in another way.
      const text = `SELECT * FROM (${planCase.statement.text}) page LIMIT 101`;
      const statement = { ...planCase.statement, text };
      const nodes = flatten(await planOf({ ...planCase, statement }, 'ANALYZE, TIMING OFF,'));
      const walked = nodes.filter((node) => node['Index Name'] !== undefined).map((node) => node['Actual Rows'] ?? 0);
      expect(walked.reduce((sum, rows) => sum + rows, 0)).toBeGreaterThan(20);
      // A page has 101; windows look a row ahead, and so does the merge of two walks.
      expect(Math.max(...walked)).toBeLessThan(400);
    },
  );
});

async function planOf({ statement, values }: PlanCase, options = ''): Promise<PlanNode> {
  const explain = `EXPLAIN (${options} FORMAT JSON, COSTS OFF) EXECUTE planned`;
  const literals = values.map((value) => (value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`)).join(', ');
  const text = literals === '' ? explain : `${explain}(${literals})`;
  const run = async (client: Pick<Client, 'query'>) => {
    // Prepared statements may be planned once for all values; those without a name are planned for their own.
    await client.query(`SET plan_cache_mode = force_${statement.name === undefined ? 'custom' : 'generic'}_plan`);
    await client.query(`PREPARE planned AS ${statement.text}`);
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(text);
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    if (plan === undefined) throw new Error('no plan');
    return plan;
  };
  const client = await database().openWriteConnection();
  try {
    if (WRITES.includes(statement.kind)) await client.query(WRITE_SETUP);
    if (statement.name?.startsWith('page_')) await client.query(`SET enable_sort = ${PAGE_SETTINGS.enable_sort}`);
    return await run(client);
  } finally {
    await client.end();
  }
}

/** The beginning of every SQL text in a source, up to its first value, on one line. */
function sqlOf(source: string): string[] {
  const literal =
    /[`'"]\s*((?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|SET|PREPARE|ANALYZE|TRUNCATE)\s[^`]*?)(?:\$\{|`|'[,;)\n]|"[,;)\n])/g;
  return [...source.matchAll(literal)].map(([, sql = '']) => oneLine(sql));
}

function oneLine(sql: string): string {
  return sql.trim().replace(/\s+/g, ' ');
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}
