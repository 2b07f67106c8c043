import type { PlanCase, Statement } from './statement.ts';

/**
 * Takes the locks that order all changes of the batch's workspaces. Ordered by id, so that two
 * batches with the same workspaces cannot wait for each other.
 */
export const LOCK_HEADS: Statement = {
  kind: 'lock_heads',
  name: 'lock_heads',
  text: 'SELECT workspace_id FROM workspace_heads WHERE workspace_id = ANY($1::int4[]) ORDER BY 1 FOR NO KEY UPDATE',
};

export const planCases: readonly PlanCase[] = [
  { title: 'lock heads', statement: LOCK_HEADS, values: ['{1,2}'], indexes: ['workspace_heads_pkey'] },
];
