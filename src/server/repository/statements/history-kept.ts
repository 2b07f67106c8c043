import type { PlanCase, SqlValue, Statement } from './statement.ts';
import { timestampOf } from './statement.ts';

/**
 * Whether a workspace can still be shown as of a revision and time: nothing that retention has removed
 * is missing. Read in the snapshot that reads the rows, or a later one: what is kept only shrinks.
 */
export function keptSql(revision: string, time: string, showDeleted: boolean, heads: string): string {
  const kept = `${heads}.history_from <= ${revision} AND coalesce(${heads}.expired_from <= ${time}, true)`;
  return showDeleted ? `${kept} AND coalesce(${heads}.deleted_from <= ${time}, true)` : kept;
}

function historyKept(name: string, showDeleted: boolean): Statement {
  return {
    kind: 'history_kept',
    name,
    text: `SELECT ${keptSql('$2::int8', timestampOf('$3::int8'), showDeleted, 'h')}
             FROM workspace_heads h WHERE h.workspace_id = $1::int4`,
  };
}

/** For a page without a row to say it on. Values: workspace, revision, time in microseconds. */
export const HISTORY_KEPT = historyKept('history_kept', false);
export const DELETED_KEPT = historyKept('deleted_kept', true);

const VALUES: readonly SqlValue[] = ['1', '5', '1900000000000000'];

export const planCases: readonly PlanCase[] = [HISTORY_KEPT, DELETED_KEPT].map((statement) => ({
  title: `${statement.name}`,
  statement,
  values: VALUES,
  indexes: ['workspace_heads_pkey'],
}));
