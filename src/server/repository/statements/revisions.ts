import { memoryColumns } from '../memory-rows.ts';
import { rowBytes } from './row-bytes.ts';
import type { PlanCase, Statement } from './statement.ts';

const REVISION = `${memoryColumns((name) => (name === 'id' ? 'memory_id' : name))}, operation, note`;

const REVISION_THAT_FITS = REVISION.split(', ')
  .map((name) => `CASE WHEN fits THEN ${name} END`)
  .join(', ');

/**
 * The history of a memory below a revision, newest first. Rows that the page's bytes have no room for
 * come as NULLs.
 */
export const LIST_REVISIONS: Statement = {
  kind: 'list_revisions',
  name: 'list_revisions',
  text: `SELECT ${REVISION_THAT_FITS}
           FROM (SELECT r.*, coalesce(sum(${rowBytes('r')})
                          OVER (ORDER BY r.revision DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) < $5::int8 AS fits
                   FROM (SELECT * FROM memory_revisions
                          WHERE workspace_id = $1::int4 AND memory_id = $2::uuid AND revision < $3::int8
                          ORDER BY revision DESC LIMIT $4::int8) r) h
          ORDER BY revision DESC`,
};

export const GET_REVISION: Statement = {
  kind: 'get_revision',
  name: 'get_revision',
  text: `SELECT ${REVISION} FROM memory_revisions
          WHERE workspace_id = $1::int4 AND memory_id = $2::uuid AND revision = $3::int8`,
};

/** What a request did, for its replay: a run of change numbers. */
export const REVISIONS_BY_CHANGE: Statement = {
  kind: 'revisions_by_change',
  name: 'revisions_by_change',
  text: `SELECT ${REVISION} FROM memory_revisions
          WHERE workspace_id = $1::int4 AND change_no >= $2::int8 AND change_no < $3::int8
          ORDER BY change_no`,
};

/** What goes with the placeholders of memories as these changes left them. */
export const SEALED_BY_CHANGE: Statement = {
  kind: 'sealed_by_change',
  name: 'sealed_by_change',
  text: `SELECT change_no, sealed FROM memory_revisions
          WHERE workspace_id = $1::int4 AND change_no = ANY($2::int8[]) AND sealed IS NOT NULL`,
};

const ID = '018f0000-0000-7000-8000-000000000000';

export const planCases: readonly PlanCase[] = [
  {
    title: 'history',
    statement: LIST_REVISIONS,
    values: ['1', ID, '9', '10', '1000000'],
    indexes: ['memory_revisions_memory'],
  },
  { title: 'one revision', statement: GET_REVISION, values: ['1', ID, '1'], indexes: ['memory_revisions_memory'] },
  {
    title: 'sealed values',
    statement: SEALED_BY_CHANGE,
    values: ['1', '{5,9}'],
    indexes: ['memory_revisions_sealed'],
  },
  { title: 'replay', statement: REVISIONS_BY_CHANGE, values: ['1', '5', '9'], indexes: ['memory_revisions_pkey'] },
];
