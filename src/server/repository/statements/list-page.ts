import { isBound } from '../../domain/access.ts';
import type { Comparison, Filter } from '../../domain/filter/ast.ts';
import { Scope } from '../../domain/memory.ts';
import type { ListQuery } from '../../domain/repository.ts';
import { filterSql, Parameters, storable } from '../filter-sql.ts';
import { memoryColumns } from '../memory-rows.ts';
import { accessSql, visibleSql } from './access-sql.ts';
import { fitsSql } from './row-bytes.ts';
import type { PlanCase, SqlValue, Statement } from './statement.ts';
import { nameOf, timestampOf } from './statement.ts';

export interface ListStatement {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
}

/**
 * One page of a list. The innermost part walks an index in the order asked for, from the position on,
 * over at most `scanBudget` rows; filter, access and visibility are judged on those. The last row of
 * the budget is returned whether it matched or not: that is where the next page starts. Every level
 * names the same order, so that rows flow through without being sorted or gathered. Content behind the
 * page's bytes stays behind: leaving its rows out would walk on through the whole budget.
 * ORDER BY around the filter also keeps it from being copied to every place that asks for its result.
 *
 * How many rows are read is not said here but by whoever executes it, so that the plan does not depend
 * on it. A list without a filter is prepared; others are planned each time, because a plan for users
 * and teams in general walks the wrong index for a rare one.
 *
 * The index is chosen by what is put into the walk: rows of one user, team or category when the
 * filter demands one; for a bound credential the rows of its user, of each of its teams and of the
 * whole workspace, merged; otherwise all rows. By update_time there is one index, that of the change
 * numbers.
 */
export function listPage(query: ListQuery, scanBudget: number): ListStatement {
  const parameters = new Parameters();
  // In the text, so that the planner knows how few rows are wanted of the index.
  const budget = String(Math.trunc(scanBudget));
  const direction = query.order.descending ? 'DESC' : 'ASC';
  const order =
    query.order.by === 'create_time' ? `create_time ${direction}, id ${direction}` : `change_no ${direction}`;
  const bounds = walkBounds(query, parameters);
  const walks = walkedOwners(query, parameters).map(
    (owner) =>
      `SELECT * FROM memories w WHERE ${[...bounds, ...owner].join(' AND ')} ORDER BY ${order} LIMIT ${budget}`,
  );
  const walk = walks.length === 1 ? walks[0] : `(${walks.join(') UNION ALL (')}) ORDER BY ${order} LIMIT ${budget}`;
  const conditions = [
    visibleSql(query.showDeleted, 'statement_timestamp()', 'n'),
    accessSql(query.access, parameters, 'n'),
    query.filter === undefined ? undefined : filterSql(query.filter, parameters, 'n'),
  ].filter((condition) => condition !== undefined);
  const fits = fitsSql(parameters.add(query.pageBytes, 'int8'));
  const column = (name: string) => (name === 'content' ? `CASE WHEN ${fits} THEN m.content END` : `m.${name}`);
  const text = `
SELECT m.matched, m.position = ${budget}, ${fits}, true, ${memoryColumns(column)}
  FROM (SELECT o.*, row_number() OVER rows_so_far AS position,
               sum(CASE WHEN o.matched THEN octet_length(o.content) ELSE 0 END) OVER rows_so_far AS bytes
          FROM (SELECT n.*, ${conditions.join(' AND ')} AS matched FROM (${walk}) n ORDER BY ${order}) o
        WINDOW rows_so_far AS (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)) m
 WHERE m.matched OR m.position = ${budget}
 ORDER BY ${order}`;
  const isPlain = query.filter === undefined && !isBound(query.access);
  return {
    statement: { kind: 'list_page', name: isPlain ? nameOf(text) : undefined, text },
    values: parameters.values,
  };
}

/** Workspace, position, and what the filter says about the order's own column. */
function walkBounds(query: ListQuery, parameters: Parameters): string[] {
  const { after, order } = query;
  const bounds = [`w.workspace_id = ${parameters.add(query.workspaceId, 'int4')}`];
  const beyond = order.descending ? '<' : '>';
  if (order.by === 'update_time') {
    if (after !== undefined) bounds.push(`w.change_no ${beyond} ${parameters.add(after.at, 'int8')}`);
    return bounds;
  }
  if (after !== undefined) {
    const at = timestampOf(parameters.add(after.at, 'int8'));
    bounds.push(`(w.create_time, w.id) ${beyond} (${at}, ${parameters.add(after.id, 'uuid')})`);
  }
  for (const part of demands(query.filter)) {
    const onTime = part.op === 'time' && part.field === 'create_time' && part.comparator !== '!=';
    if (onTime) bounds.push(`w.create_time ${part.comparator} ${timestampOf(parameters.add(part.value, 'int8'))}`);
  }
  return bounds;
}

/** The owners or category whose rows are walked, one walk each. */
function walkedOwners(query: ListQuery, parameters: Parameters): string[][] {
  const parts = demands(query.filter);
  const id = parts.find((part) => part.op === 'text' && part.field === 'id' && isEquality(part));
  if (id !== undefined) return [[filterSql(id, parameters, 'w')]];
  if (query.order.by === 'update_time') return [[]];
  const demanded = (field: 'user_id' | 'team' | 'category') => {
    const part = parts.find((each) => each.op === 'text' && each.field === field && isEquality(each));
    return part?.op === 'text' ? named(field, part.value, parameters) : undefined;
  };
  const owner = demanded('user_id') ?? demanded('team');
  if (owner !== undefined) return [owner];
  if (isBound(query.access)) {
    const { userId, teams } = query.access;
    const user = named('user_id', userId, parameters);
    const ofTeams = [...new Set(teams)].map((team) => named('team', team, parameters));
    return [user, ...ofTeams, [`w.scope = ${Scope.WORKSPACE}`]].filter((walk) => walk !== undefined);
  }
  return [demanded('category') ?? []];
}

/** Rows with this name, for the index that has no rows without one; undefined for the empty name. */
function named(column: 'user_id' | 'team' | 'category', name: string, parameters: Parameters): string[] | undefined {
  if (name === '') return undefined;
  return [`w.${column} = ${parameters.add(storable(name), 'text')}`, `w.${column} <> ''`];
}

/** The comparisons every match must pass. */
function demands(filter: Filter | undefined): Comparison[] {
  if (filter === undefined) return [];
  switch (filter.op) {
    case 'or':
    case 'not':
      return [];
    case 'and':
      return filter.operands.flatMap(demands);
    default:
      return [filter];
  }
}

function isEquality(part: Comparison & { op: 'text' }): boolean {
  return part.comparator === '=' || part.comparator === 'has';
}

const PLAIN: ListQuery = {
  workspaceId: 1,
  access: { userId: '', teams: [] },
  filter: undefined,
  order: { by: 'create_time', descending: true },
  after: undefined,
  pageSize: 100,
  pageBytes: 1_000_000,
  showDeleted: false,
  consistency: 1,
};
const AFTER = { at: 1_700_000_000_000_000, id: '018f0000-0000-7000-8000-000000000000' };

function planCase(title: string, query: Partial<ListQuery>, ...indexes: string[]): PlanCase {
  return { title, ...listPage({ ...PLAIN, ...query }, 10_000), indexes };
}

function equals(field: 'id' | 'user_id' | 'team' | 'category' | 'author', value: string): Filter {
  return { op: 'text', field, comparator: '=', value };
}

export const planCases: readonly PlanCase[] = [
  planCase('list', {}, 'memories_create_time'),
  planCase('list on', { after: AFTER }, 'memories_create_time'),
  planCase('list oldest first', { order: { by: 'create_time', descending: false } }, 'memories_create_time'),
  planCase('list by change', { order: { by: 'update_time', descending: true } }, 'memories_change_no'),
  planCase(
    'list by change on',
    { order: { by: 'update_time', descending: false }, after: AFTER },
    'memories_change_no',
  ),
  planCase('list by author', { filter: equals('author', 'me') }, 'memories_create_time'),
  planCase('list a category', { filter: equals('category', 'cat1') }, 'memories_category'),
  planCase('list a category on', { filter: equals('category', 'cat1'), after: AFTER }, 'memories_category'),
  planCase('list a team', { filter: equals('team', 'team1') }, 'memories_team'),
  planCase('list a user', { filter: equals('user_id', 'user1') }, 'memories_user_id'),
  planCase('list an id', { filter: equals('id', AFTER.id) }, 'memories_pkey'),
  planCase(
    'list since',
    { filter: { op: 'time', field: 'create_time', comparator: '>', value: AFTER.at } },
    'memories_create_time',
  ),
  planCase(
    'list a user by update',
    {
      filter: equals('user_id', 'user1'),
      order: { by: 'update_time', descending: true },
    },
    'memories_change_no',
  ),
  planCase('list without a category', { filter: equals('category', '') }, 'memories_create_time'),
  planCase(
    'list of a bound user',
    { access: { userId: 'user1', teams: ['team1', 'team2'] } },
    'memories_shared',
    'memories_team',
    'memories_user_id',
  ),
  planCase(
    'list of a bound user on',
    { access: { userId: 'user1', teams: [] }, after: AFTER },
    'memories_shared',
    'memories_user_id',
  ),
  planCase('list of bound teams', { access: { userId: '', teams: ['team1'] } }, 'memories_shared', 'memories_team'),
  planCase(
    'list of a bound user, a category',
    { access: { userId: 'user1', teams: [] }, filter: equals('category', 'cat1') },
    'memories_shared',
    'memories_user_id',
  ),
];
