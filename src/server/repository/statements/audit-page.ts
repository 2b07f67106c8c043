import { type AuditQuery, AuditKind as Kind } from '../../domain/audit.ts';
import { Parameters } from '../filter-sql.ts';
import type { PlanCase, SqlValue, Statement } from './statement.ts';
import { timestampOf } from './statement.ts';

const MICROS = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** A page of the audit trail, newest first: along the ids of one workspace, or of all. */
export function auditPage(query: AuditQuery): { statement: Statement; values: readonly SqlValue[] } {
  const parameters = new Parameters();
  const conditions = [
    query.workspaceId !== undefined && `a.workspace_id = ${parameters.add(query.workspaceId, 'int4')}`,
    query.before !== undefined && `a.id < ${parameters.add(query.before, 'int8')}`,
    query.start !== undefined && `a.at >= ${timestampOf(parameters.add(query.start, 'int8'))}`,
    query.end !== undefined && `a.at < ${timestampOf(parameters.add(query.end, 'int8'))}`,
    query.action !== '' && `a.action = ${parameters.add(query.action, 'text')}`,
    query.actor !== '' && `a.author = ${parameters.add(query.actor, 'text')}`,
    query.kind !== undefined && `a.reason ${query.kind === Kind.ACT ? '=' : '<>'} ''`,
  ].filter((condition) => condition !== false);
  return {
    statement: {
      kind: 'audit_page',
      name: undefined,
      text: `
SELECT a.id, ${MICROS('a.at')}, a.workspace_id, coalesce(w.name, ''), a.key_id, a.author, a.peer, a.call_id, a.action,
       a.target, a.details, a.reason, a.occurrences, ${MICROS('a.last_time')}
  FROM (SELECT * FROM audit a ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
         ORDER BY a.id DESC LIMIT ${parameters.add(query.pageSize, 'int8')}) a
  LEFT JOIN workspaces w ON w.id = a.workspace_id
 ORDER BY a.id DESC`,
    },
    values: parameters.values,
  };
}

const ALL: AuditQuery = {
  workspaceId: undefined,
  start: undefined,
  end: undefined,
  action: '',
  actor: '',
  kind: undefined,
  before: undefined,
  pageSize: 100,
};
const ONE = { ...ALL, workspaceId: 7, before: 1000 };

export const planCases: readonly PlanCase[] = [
  { title: 'audit', ...auditPage(ALL), indexes: ['audit_pkey', 'workspaces_pkey'] },
  { title: 'audit of a workspace', ...auditPage(ONE), indexes: ['audit_workspace', 'workspaces_pkey'] },
];
