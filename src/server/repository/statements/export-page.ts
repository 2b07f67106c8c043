import { isBound } from '../../domain/access.ts';
import type { ExportQuery } from '../../domain/repository.ts';
import { filterSql, Parameters } from '../filter-sql.ts';
import { MEMORY_COLUMNS, memoryColumns } from '../memory-rows.ts';
import { accessSql, visibleSql } from './access-sql.ts';
import { keptSql } from './history-kept.ts';
import type { ListStatement } from './list-page.ts';
import type { PlanCase, Statement } from './statement.ts';
import { limitOf, nameOf, timestampOf } from './statement.ts';

/**
 * R, T and about how many rows there are: as the planner counts, rows a page when last analyzed times
 * the pages of now, over all workspaces; never more than this one has had changes.
 */
export const BEGIN_EXPORT: Statement = {
  kind: 'begin_export',
  name: 'begin_export',
  text: `
SELECT h.head, clock_timestamp(), least(h.head, CASE WHEN c.relpages > 0 THEN
         c.reltuples::float8 / c.relpages * (pg_relation_size(c.oid) / current_setting('block_size')::int8)
         ELSE h.head END)::int8
  FROM workspace_heads h, pg_class c WHERE h.workspace_id = $1::int4 AND c.oid = 'memories'::regclass`,
};

/**
 * One page of an export at revision R, columns and rows as in listPage: memories by id; one that was
 * changed after R is replaced by its newest revision up to R, or left out when it has none. So the state
 * at R is read without a transaction that stays open, at any later time, by any process. Filter, access
 * and visibility (at time T) are judged on the row as of R. Every row says whether all that the state at R
 * needs is still kept; it is nothing without.
 */
export function exportPage(query: ExportQuery, scanBudget: number): ListStatement {
  const parameters = new Parameters();
  const revision = parameters.add(query.revision, 'int8');
  const time = timestampOf(parameters.add(query.time, 'int8'));
  const workspace = parameters.add(query.workspaceId, 'int4');
  const bounds = [`w.workspace_id = ${workspace}`];
  if (query.afterId !== undefined) bounds.push(`w.id > ${parameters.add(query.afterId, 'uuid')}`);
  const conditions = [
    'n.there',
    visibleSql(query.showDeleted, time, 'n'),
    accessSql(query.access, parameters, 'n'),
    query.filter === undefined ? undefined : filterSql(query.filter, parameters, 'n'),
  ].filter((condition) => condition !== undefined);
  const isWhole = query.filter === undefined && !isBound(query.access);
  const limit = isWhole ? limitOf(query) : scanBudget;
  const asOf = MEMORY_COLUMNS.filter((name) => name !== 'id').map(
    (name) => `CASE WHEN s.change_no > ${revision} THEN r.${name} ELSE s.${name} END AS ${name}`,
  );
  const rows = `
    SELECT s.id, s.change_no <= ${revision} OR r.change_no IS NOT NULL AS there, ${asOf.join(', ')}, s.position
      FROM (SELECT p.*, ${isWhole ? '0' : 'row_number() OVER (ORDER BY p.id)'} AS position
              FROM (SELECT * FROM memories w WHERE ${bounds.join(' AND ')} ORDER BY id LIMIT ${limit}) p) s
      LEFT JOIN LATERAL (
        SELECT * FROM memory_revisions h
         WHERE s.change_no > ${revision} AND h.workspace_id = s.workspace_id AND h.memory_id = s.id
           AND h.change_no <= ${revision}
         ORDER BY h.revision DESC LIMIT 1) r ON true`;
  const kept = keptSql(revision, time, query.showDeleted, 'k');
  const text = `
SELECT m.matched, m.position = ${limit}, (SELECT ${kept} FROM workspace_heads k WHERE k.workspace_id = ${workspace}),
       ${memoryColumns((name) => `m.${name}`)}
  FROM (SELECT n.*, ${conditions.join(' AND ')} AS matched FROM (${rows}) n${isWhole ? '' : ' ORDER BY n.id'}) m
 ${isWhole ? '' : `WHERE m.matched OR m.position = ${limit}`}
 ORDER BY m.id`;
  const statement = { kind: 'export_page', name: isWhole ? nameOf(text) : undefined, text };
  return { statement, values: parameters.values };
}

const PLAIN: ExportQuery = {
  workspaceId: 1,
  access: { userId: '', teams: [] },
  filter: undefined,
  revision: 10_000,
  time: 1_900_000_000_000_000,
  showDeleted: false,
  afterId: undefined,
  pageSize: 1000,
  pageBytes: 1_000_000,
};
const AFTER = '80000000-0000-4000-8000-000000000000';

function planCase(title: string, query: Partial<ExportQuery>): PlanCase {
  return {
    title,
    ...exportPage({ ...PLAIN, ...query }, 10_000),
    indexes: ['memories_pkey', 'memory_revisions_memory', 'workspace_heads_pkey'],
  };
}

export const planCases: readonly PlanCase[] = [
  {
    title: 'begin export',
    statement: BEGIN_EXPORT,
    values: ['1'],
    indexes: ['workspace_heads_pkey', 'pg_class_oid_index'],
  },
  planCase('export', {}),
  planCase('export on', { afterId: AFTER }),
  planCase('export of a category', {
    afterId: AFTER,
    filter: { op: 'text', field: 'category', comparator: '=', value: 'cat1' },
  }),
  planCase('export of a bound user', { afterId: AFTER, access: { userId: 'user1', teams: ['team1'] } }),
];
