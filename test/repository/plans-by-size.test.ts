import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/server/database/database.ts';
import { WRITE_SETUP } from '../../src/server/repository/group-commit-connection.ts';
import { PAGE_SETTINGS, PageRead } from '../../src/server/repository/page-read.ts';
import { planCases as exportCases } from '../../src/server/repository/statements/export-page.ts';
import { planCases as listCases } from '../../src/server/repository/statements/list-page.ts';
import { WRITE_SINGLES, WRITE_TOGETHER } from '../../src/server/repository/statements/write-changes.ts';
import { testDatabase } from '../support/database.ts';

/**
 * Plans of pages as the table grows: a plan that is prepared is kept, also one that was made when there
 * was one row and nobody has told the planner since. At none of these sizes may a page read more than itself.
 */

const SIZES = [1, 300, 3000, 30_000];
/** The prepared ones; those of most filters are planned each time. */
const CASES = [...exportCases, ...listCases].filter(({ statement }) => statement.name?.startsWith('page_'));
/** Rows that a page's text asks for at most. */
const PAGE_ROWS = 1001;

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

async function setUp(client: Client): Promise<void> {
  for (const [name, value] of Object.entries(PAGE_SETTINGS)) await client.query(`SET ${name} = ${value}`);
}

/** A connection that plans for all values once, and keeps that. */
async function prepared(database: Database): Promise<Client> {
  const client = await database.openWriteConnection();
  await setUp(client);
  for (const [index, { statement }] of CASES.entries()) {
    await client.query(`PREPARE page${index} AS ${statement.text}`);
  }
  return client;
}

function fill(from: number, to: number): string {
  return `
    WITH m AS (
      INSERT INTO memories (workspace_id, id, revision, change_no, scope, user_id, team, category, content, author,
                            create_time, update_time)
      SELECT 1, gen_random_uuid(), 1, n, 3, 'user' || n % 2, 'team' || n % 2, 'cat' || n % 2, repeat('some words ', 20),
             'me', timestamptz '2023-11-14 18:00Z' + n * interval '1 second', now()
        FROM generate_series(${from}, ${to}) n RETURNING *)
    INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, category, content,
                                  author, create_time, update_time)
    SELECT workspace_id, change_no, id, revision, 1, scope, category, content, author, create_time, update_time FROM m`;
}

/** What each page did that should not be; nothing when all are well. */
async function plansOf(client: Client): Promise<string[]> {
  const wrong: string[] = [];
  for (const [index, { title, values }] of CASES.entries()) {
    const literals = values.map((value) => `'${value}'`).join(', ');
    const explain = `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE page${index}(${literals})`;
    const { rows: answer } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(explain);
    for (const node of flatten(answer[0]?.['QUERY PLAN'][0].Plan as PlanNode)) {
      const type = node['Node Type'];
      const relation = node['Relation Name'] ?? '';
      const read = node['Actual Rows'] * node['Actual Loops'];
      if (/Sort|Hash|Bitmap/.test(type)) wrong.push(`${title}: ${type}`);
      if (relation.startsWith('memor') && type !== 'Index Scan') wrong.push(`${title}: ${type} of ${relation}`);
      if (relation.startsWith('memor') && read > PAGE_ROWS) wrong.push(`${title}: read ${read} of ${relation}`);
    }
  }
  return wrong;
}

function flatten(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flatten)];
}

describe.each([
  ['never', []],
  ['when there was one memory', [1]],
  ['at every size', SIZES],
])('a planner that was told of the table %s', (_, told: readonly number[]) => {
  const database = testDatabase();
  /** Has planned every page when there was one memory. */
  let early: Client;
  beforeAll(async () => {
    const { pool } = database();
    await pool.query({ text: 'INSERT INTO workspace_heads VALUES (1, 1000000)' });
    // By the tests or by nobody.
    for (const table of ['memories', 'memory_revisions']) {
      await pool.query({ text: `ALTER TABLE ${table} SET (autovacuum_enabled = off)` });
    }
  });
  afterAll(() => early?.end());

  it.each(SIZES)('lets pages of %i memories read themselves and nothing else', async (size) => {
    const { pool } = database();
    await pool.query({ text: fill((SIZES[SIZES.indexOf(size) - 1] ?? 0) + 1, size) });
    if (told.includes(size)) await pool.query({ text: 'ANALYZE memories, memory_revisions' });
    early ??= await prepared(database());
    expect(CASES.length).toBeGreaterThan(4);
    expect(await plansOf(early), 'planned when there was one').toEqual([]);
    const client = await prepared(database());
    try {
      expect(await plansOf(client), 'planned now').toEqual([]);
    } finally {
      await client.end();
    }
  });
});

describe('a page that goes on', () => {
  const database = testDatabase();
  // That by change goes on at another position, past all that is here.
  const goingOn = listCases.filter(
    ({ title, statement }) => statement.name !== undefined && / on\b/.test(title) && title !== 'list by change on',
  );
  beforeAll(async () => {
    await database().pool.query({ text: 'INSERT INTO workspace_heads VALUES (1, 1000000)' });
    await database().pool.query({ text: fill(1, 30_000) });
  });

  it.each(goingOn)('begins where the one before ended: $title', async ({ statement, values }) => {
    const client = await database().openWriteConnection();
    try {
      await setUp(client);
      // Pages are executed with a number of rows, which EXPLAIN cannot be told in another way.
      await client.query(`PREPARE page AS SELECT * FROM (${statement.text}) page LIMIT 3`);
      const literals = values.map((value) => `'${value}'`).join(', ');
      const explain = `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE page(${literals})`;
      const { rows: answer } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(explain);
      const plan = answer[0]?.['QUERY PLAN'][0].Plan as PlanNode;
      expect(plan['Actual Rows']).toBe(3);
      // The way down the index, and three rows. Half of the memories lie before the position, some hundred blocks of it.
      expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(20);
    } finally {
      await client.end();
    }
  });

  it('is planned once, and what follows on its connection is as before', async () => {
    const { pool } = database();
    await pool.query({ text: 'ANALYZE memories' });
    await pool.withClient(async (client) => {
      for (const { statement, values } of goingOn) {
        for (let page = 0; page < 10; page++) await client.query(new PageRead(statement, values, 3, () => {})).done;
      }
      const plans = 'SELECT generic_plans::int, custom_plans::int FROM pg_prepared_statements WHERE name = ANY($1)';
      const names = goingOn.map(({ statement }) => statement.name);
      const { rows } = await client.query(plans, [names]);
      expect(rows).toEqual(goingOn.map(() => ({ generic_plans: 10, custom_plans: 0 })));
      for (const [name, value] of Object.entries(PAGE_SETTINGS)) {
        const { rows: now } = await client.query(`SHOW ${name}`);
        expect(now).not.toEqual([{ [name]: value }]);
      }
    });
  });
});

describe.each(['never', 'while it was empty'])('a planner that was told of the request log %s', (told) => {
  const database = testDatabase();

  it.each([WRITE_SINGLES, WRITE_TOGETHER])(
    'lets a batch look each request up, and read no other ($name)',
    async (write) => {
      const { pool } = database();
      await pool.query({ text: 'ALTER TABLE request_log SET (autovacuum_enabled = off)' });
      await pool.query({ text: 'INSERT INTO workspace_heads VALUES (1, 1000000) ON CONFLICT DO NOTHING' });
      if (told !== 'never') await pool.query({ text: 'ANALYZE request_log' });
      const client = await database().openWriteConnection();
      try {
        await client.query(WRITE_SETUP);
        await client.query(`PREPARE ${write.name} AS ${write.text}`);
        const explain = `EXPLAIN (FORMAT JSON) EXECUTE ${write.name}('{}', '{}')`;
        const { rows: answer } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(explain);
        const nodes = flatten(answer[0]?.['QUERY PLAN'][0].Plan as PlanNode);
        const reads = nodes.filter((node) => node['Relation Name'] === 'request_log' && /Scan/.test(node['Node Type']));
        expect(reads.map((node) => node['Node Type'])).toEqual(['Index Scan']);
        expect(reads[0]?.['Index Cond']).toContain('request_id = ');
      } finally {
        await client.end();
      }
    },
  );
});
