import type { Database } from '../database/database.ts';
import { settingRowName } from '../domain/config/setting.ts';
import type { SealedRows } from '../domain/sealing/sealed-rows.ts';
import type { SealedRow } from '../domain/sealing/sealed-values.ts';
import { toWriteError, translating } from './driver-errors.ts';

/** Where sealed values are: the column a table is gone through by, its type, and the columns of a row's name. */
const TABLES = {
  memories: { position: 'id', type: 'uuid', kind: 'memory', row: ['id'] },
  memory_revisions: { position: 'change_no', type: 'int8', kind: 'memory', row: ['memory_id'] },
  settings: { position: 'change_no', type: 'int8', kind: 'setting', row: ['user_id', 'name'] },
  setting_revisions: { position: 'change_no', type: 'int8', kind: 'setting', row: ['user_id', 'name'] },
} as const;

type TableName = keyof typeof TABLES;

/** The statement of a page. The names are this file's, never a caller's. */
export function sealedPage(name: TableName): string {
  const { position, type, row } = TABLES[name];
  return `SELECT ${position}::text, ARRAY[${row.join(', ')}]::text[], sealed FROM ${name}
           WHERE workspace_id = $1::int4 AND sealed IS NOT NULL AND ($2::${type} IS NULL OR ${position} > $2::${type})
           ORDER BY ${position} LIMIT $3::int8`;
}

/** A change by nobody: neither change number nor time moves, for what is sealed stays the same. */
export function replaceSealed(name: TableName): string {
  const { position, type } = TABLES[name];
  return `UPDATE ${name} SET sealed = $3::jsonb
           WHERE workspace_id = $1::int4 AND ${position} = $2::${type} AND sealed = $4::jsonb`;
}

export const SEALED_TABLES = Object.keys(TABLES) as TableName[];

export function createSealedRows(database: Database): SealedRows {
  const { pool } = database;
  return {
    tables: SEALED_TABLES,
    page: (table, workspaceId, after, limit) =>
      translating(async () => {
        const name = table as TableName;
        const values = [workspaceId, after ?? null, limit];
        const { rows } = await pool.query<[string, string[], Record<string, string>]>({
          text: sealedPage(name),
          values,
          rowMode: 'array',
        });
        return rows.map(([position, row, sealed]) => ({
          table,
          position,
          row: { workspaceId, ...rowOf(TABLES[name].kind, row) },
          sealed,
        }));
      }),
    replace: async (workspaceId, { table, position, sealed: old }, sealed) => {
      try {
        const { rowCount } = await pool.query({
          text: replaceSealed(table as TableName),
          values: [workspaceId, position, JSON.stringify(sealed), JSON.stringify(old)],
        });
        return (rowCount ?? 0) > 0;
      } catch (error) {
        throw toWriteError(error);
      }
    },
  };
}

function rowOf(
  kind: 'memory' | 'setting',
  [first = '', second = '']: readonly string[],
): Omit<SealedRow, 'workspaceId'> {
  return kind === 'memory' ? { kind, row: first } : { kind, row: settingRowName({ userId: first, name: second }) };
}
