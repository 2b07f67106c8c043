import { isBound } from '../../domain/access.ts';
import type { Comparison, Filter } from '../../domain/filter/ast.ts';
import { Scope } from '../../domain/memory.ts';
import type { ListQuery } from '../../domain/repository.ts';
import { filterSql, Parameters, storable } from '../filter-sql.ts';
import { memoryColumns } from '../memory-rows.ts';
import { accessSql, visibleSql } from './access-sql.ts';
import type { PlanCase, SqlValue, Statement } from './statement.ts';
import { limitOf, nameOf, timestampOf } from './statement.ts';

export interface ListStatement {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
}

/** What has an index of its own, which goes on by create_time. */
type OwnerField = 'user_id' | 'team' | 'category';

/**
 * One page of a list: PAGE_COLUMNS and MEMORY_COLUMNS. How many rows are read is said by whoever executes
 * it, so that the plan does not depend on it, and how many bytes by whoever reads them: to add them up
 * here cost as much as all else.
 *
 * The index is chosen by what is put into the walk: rows of one user, team or category when the
 * filter demands one; for a bound credential the rows of its user, of each of its teams and of the
 * whole workspace, merged; otherwise all rows. By update_time there is one index, that of the change
 * numbers.
 */
export function listPage(query: ListQuery, scanBudget: number): ListStatement {
  const owner = onlyOwner(query);
  if (!isBound(query.access) && (query.filter === undefined || owner !== undefined)) return walkedPage(query, owner);
  const parameters = new Parameters();
  const order = orderOf(query);
  const bounds = walkBounds(query, parameters);
  const walks = walkedOwners(query, parameters).map(
    (owned) =>
      `SELECT * FROM memories w WHERE ${[...bounds, ...owned].join(' AND ')} ORDER BY ${order} LIMIT ${scanBudget}`,
  );
  const whole =
    walks.length === 1 ? walks[0] : `(${walks.join(') UNION ALL (')}) ORDER BY ${order} LIMIT ${scanBudget}`;
  const text = scannedPage(query, whole ?? '', order, scanBudget, parameters);
  return { statement: { kind: 'list_page', name: undefined, text }, values: parameters.values };
}

/**
 * The page when the walk has all that is asked for: its rows are the page, and those that are not shown
 * only say so. Prepared: what is planned anew takes a third of a short page. An owner is a part of the
 * order, so that no index but its own has that, whatever the planner takes a user or a team in general to
 * have; and is two bounds, because what equals a constant is no part of an order.
 */
function walkedPage(query: ListQuery, owner: OwnerEquality | undefined): ListStatement {
  const parameters = new Parameters();
  const bounds = owner === undefined ? walkBounds(query, parameters) : ownerBounds(query, owner, parameters);
  const shown = visibleSql(query.showDeleted, 'statement_timestamp()', 'w');
  const text = `
SELECT ${shown}, false, true, ${memoryColumns((name) => `w.${name}`)}
  FROM memories w
 WHERE ${bounds.join(' AND ')}
 ORDER BY ${orderOf(query, owner?.field)}
 LIMIT ${limitOf(query)}`;
  return { statement: { kind: 'list_page', name: nameOf(text), text }, values: parameters.values };
}

/**
 * The walk goes over at most `scanBudget` rows; filter, access and visibility are judged on those. The
 * last row of the budget is returned whether it matched or not: that is where the next page starts.
 * Every level names the same order, so that rows flow through without being sorted or gathered, and the
 * one around the filter keeps it from being copied to every place that asks for its result.
 */
function scannedPage(
  { showDeleted, access, filter }: ListQuery,
  walk: string,
  order: string,
  scanBudget: number,
  parameters: Parameters,
): string {
  const conditions = [
    visibleSql(showDeleted, 'statement_timestamp()', 'n'),
    accessSql(access, parameters, 'n'),
    filter === undefined ? undefined : filterSql(filter, parameters, 'n'),
  ].filter((condition) => condition !== undefined);
  return `
SELECT m.matched, m.position = ${scanBudget}, true, ${memoryColumns((name) => `m.${name}`)}
  FROM (SELECT n.*, ${conditions.join(' AND ')} AS matched
          FROM (SELECT s.*, row_number() OVER (ORDER BY ${order}) AS position FROM (${walk}) s) n
         ORDER BY ${order}) m
 WHERE m.matched OR m.position = ${scanBudget}
 ORDER BY ${order}`;
}

interface OwnerEquality {
  readonly field: OwnerField;
  readonly value: string;
}

/** The user, team or category whose memories are all that a filter asks for, where its index has the order. */
function onlyOwner({ filter, order }: ListQuery): OwnerEquality | undefined {
  if (order.by !== 'create_time' || filter?.op !== 'text' || filter.value === '' || !isEquality(filter))
    return undefined;
  const { field, value } = filter;
  return field === 'user_id' || field === 'team' || field === 'category' ? { field, value } : undefined;
}

function orderOf({ order }: ListQuery, owner?: OwnerField): string {
  const columns = order.by === 'update_time' ? ['change_no'] : ['create_time', 'id'];
  if (owner !== undefined) columns.unshift(owner);
  return columns.map((column) => `${column} ${order.descending ? 'DESC' : 'ASC'}`).join(', ');
}

/** Workspace, owner and position. The position bounds the owner from its side: given both, a walk may begin at the other. */
function ownerBounds({ workspaceId, after, order }: ListQuery, owner: OwnerEquality, parameters: Parameters): string[] {
  const [beyond, within] = order.descending ? ['<', '>='] : ['>', '<='];
  const workspace = `w.workspace_id = ${parameters.add(workspaceId, 'int4')}`;
  const column = `w.${owner.field}`;
  const name = parameters.add(storable(owner.value), 'text');
  const bounds = [workspace, `${column} <> ''`, `${column} ${within} ${name}`];
  if (after === undefined) return [...bounds, `${column} ${beyond}= ${name}`];
  const at = timestampOf(parameters.add(after.at, 'int8'));
  return [
    ...bounds,
    `(${column}, w.create_time, w.id) ${beyond} (${name}, ${at}, ${parameters.add(after.id, 'uuid')})`,
  ];
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
  const demanded = (field: OwnerField) => {
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
function named(column: OwnerField, name: string, parameters: Parameters): string[] | undefined {
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
  planCase('list a team on', { filter: equals('team', 'team1'), after: AFTER }, 'memories_team'),
  planCase(
    'list a team, oldest first',
    { filter: equals('team', 'team1'), order: { by: 'create_time', descending: false } },
    'memories_team',
  ),
  planCase(
    'list a team on, oldest first',
    { filter: equals('team', 'team1'), order: { by: 'create_time', descending: false }, after: AFTER },
    'memories_team',
  ),
  planCase('list a user', { filter: equals('user_id', 'user1') }, 'memories_user_id'),
  planCase('list a user on', { filter: equals('user_id', 'user1'), after: AFTER }, 'memories_user_id'),
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
