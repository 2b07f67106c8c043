import { memoryColumns } from '../memory-rows.ts';
import type { PlanCase, Statement } from './statement.ts';

/**
 * Point reads of one turn of the event loop. Both arrays are searched in the primary key at once;
 * with several workspaces that may find an id in another of them, which the reader sorts out.
 */
export const GET_BY_IDS: Statement = {
  kind: 'get_by_ids',
  name: 'get_by_ids',
  text: `SELECT ${memoryColumns((name) => name)}, workspace_id FROM memories
          WHERE workspace_id = ANY($1::int4[]) AND id = ANY($2::uuid[])`,
};

const ID = '018f0000-0000-7000-8000-000000000000';

export const planCases: readonly PlanCase[] = [
  { title: 'get', statement: GET_BY_IDS, values: ['{1}', `{${ID}}`], indexes: ['memories_pkey'] },
  { title: 'get in two workspaces', statement: GET_BY_IDS, values: ['{1,2}', `{${ID}}`], indexes: ['memories_pkey'] },
];
