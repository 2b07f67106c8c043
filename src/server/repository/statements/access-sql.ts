import { type Access, isBound } from '../../domain/access.ts';
import { Scope } from '../../domain/memory.ts';
import type { Parameters } from '../filter-sql.ts';
import { textArray } from './array-literal.ts';

/** What a credential reaches, as `reaches` of the domain has it; undefined: everything. */
export function accessSql(access: Access, parameters: Parameters, table: string): string | undefined {
  if (!isBound(access)) return undefined;
  const user = parameters.add(access.userId, 'text');
  const teams = parameters.add(textArray(access.teams), 'text[]');
  return `CASE ${table}.scope WHEN ${Scope.PERSONAL} THEN ${table}.user_id = ${user} AND ${user} <> ''
            WHEN ${Scope.TEAM} THEN ${table}.team = ANY(${teams}) ELSE true END`;
}

/**
 * What is shown at a time: the living, and on request what was deleted but not purged. Expired
 * memories are never shown unless they were deleted before.
 */
export function visibleSql(showDeleted: boolean, time: string, table: string): string {
  const unexpired = `(${table}.expire_time IS NULL OR ${table}.expire_time > ${time})`;
  return showDeleted
    ? `(${table}.delete_time IS NOT NULL OR ${unexpired})`
    : `(${table}.delete_time IS NULL AND ${unexpired})`;
}
