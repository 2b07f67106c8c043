import type { PlanCase, Statement } from './statement.ts';

export const ANALYZE: Statement = {
  kind: 'analyze',
  name: undefined,
  text: 'ANALYZE memories, memory_revisions, request_log, workspace_heads',
};

/** Reads a sample of the tables, which is its purpose. */
export const planCases: readonly PlanCase[] = [];
