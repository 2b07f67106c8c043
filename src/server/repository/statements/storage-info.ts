import type { Access } from '../../domain/access.ts';
import { Parameters } from '../filter-sql.ts';
import { accessSql, visibleSql } from './access-sql.ts';
import type { PlanCase, SqlValue, Statement } from './statement.ts';

/** Which grouping a row belongs to: the bits of GROUPING(scope, team, category). */
export const Grouping = { SCOPE: '3', TEAM: '5', CATEGORY: '6', ALL: '7' } as const;

/**
 * Counts and content bytes of a workspace, in all and by scope, team and category. It reads every row
 * of the workspace, though no content (its length is known without), which is why answers are kept
 * for a minute.
 */
export function storageInfo(
  workspaceId: number,
  access: Access,
): { statement: Statement; values: readonly SqlValue[] } {
  const parameters = new Parameters();
  const workspace = parameters.add(workspaceId, 'int4');
  const reached = accessSql(access, parameters, 'm');
  const living = visibleSql(false, 'statement_timestamp()', 'm');
  return {
    statement: {
      kind: 'storage_info',
      name: undefined,
      text: `
SELECT GROUPING(scope, team, category), coalesce(scope::text, team, category, ''),
       count(*) FILTER (WHERE living), coalesce(sum(bytes) FILTER (WHERE living), 0), count(*) FILTER (WHERE deleted),
       (SELECT head FROM workspace_heads WHERE workspace_id = ${workspace}), statement_timestamp()
  FROM (SELECT m.scope, m.team, m.category, octet_length(m.content) AS bytes, ${living} AS living,
               m.delete_time IS NOT NULL AS deleted
          FROM memories m
         WHERE m.workspace_id = ${workspace}${reached === undefined ? '' : ` AND ${reached}`}) x
 GROUP BY GROUPING SETS ((), (scope), (team), (category))`,
    },
    values: parameters.values,
  };
}

export const planCases: readonly PlanCase[] = [];
