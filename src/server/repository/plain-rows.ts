import type { Database } from '../database/database.ts';
import { settingRowName } from '../domain/config/setting.ts';
import type { JsonObject, JsonValue } from '../domain/memory.ts';
import type { PlainRow, PlainRows } from '../domain/sealing/plain-rows.ts';
import type { SealedRow, SealedValues } from '../domain/sealing/sealed-values.ts';
import { toWriteError, translating } from './driver-errors.ts';
import type { PurgeSweeper } from './purge.ts';
import { LOCK_WORKSPACE, WORKSPACE_IDS } from './retention-statements.ts';
import type { PlanCase } from './statements/statement.ts';

const PAGE_ROWS = 500;

type Fields = [position: string, row: string[], shown: JsonValue | null, sealed: SealedValues | null];

interface Table {
  /** $1 workspace, $2 position to go on after, $3 most rows. */
  readonly page: string;
  /** $1 workspace; $2 positions, $3 what is shown, $4 what is sealed, row by row. Gives a count. */
  readonly replace: string;
  rowOf(row: readonly string[], shown: JsonValue): Pick<PlainRow, 'shown'> & Omit<SealedRow, 'workspaceId'>;
  /** What is stored of what is shown. */
  stored(row: PlainRow): JsonValue;
}

const WANTED = 'unnest($2::int8[], $3::text[], $4::text[]) AS w(change_no, shown, sealed)';

/** A page has rows with nothing to seal too: looking on for others could take longer than a statement may. */
const pageOf = (table: string, columns: string) => `
  SELECT change_no::text, ${columns}, sealed FROM ${table}
   WHERE workspace_id = $1::int4 AND ($2::int8 IS NULL OR change_no > $2::int8) ORDER BY change_no LIMIT $3::int8`;

/** Histories before what is current, so that what is copied from them meanwhile is met later. */
const TABLES: Readonly<Record<string, Table>> = {
  memory_revisions: {
    page: pageOf('memory_revisions', 'ARRAY[memory_id::text], metadata'),
    // The memory shows the placeholders of its newest entry, by which a secret is found.
    replace: `
      WITH history AS (
             UPDATE memory_revisions r SET metadata = w.shown::jsonb, sealed = w.sealed::jsonb FROM ${WANTED}
              WHERE r.workspace_id = $1::int4 AND r.change_no = w.change_no
             RETURNING r.change_no, r.metadata, r.sealed),
           newest AS (
             UPDATE memories m SET metadata = h.metadata, sealed = h.sealed FROM history h
              WHERE m.workspace_id = $1::int4 AND m.change_no = h.change_no RETURNING 1),
           told AS (
             UPDATE workspace_heads SET cache_epoch = cache_epoch + 1
              WHERE workspace_id = $1::int4 AND EXISTS (SELECT FROM newest))
      SELECT count(*)::int FROM history`,
    rowOf: ([id = ''], shown) => ({ kind: 'memory', row: id, shown: shown as JsonObject }),
    stored: ({ shown }) => shown,
  },
  setting_revisions: settingTable('setting_revisions'),
  settings: settingTable('settings'),
};

function settingTable(table: string): Table {
  return {
    page: pageOf(table, 'ARRAY[user_id, name], value'),
    replace: `
      WITH done AS (
             UPDATE ${table} s SET value = w.shown::jsonb, sealed = w.sealed::jsonb FROM ${WANTED}
              WHERE s.workspace_id = $1::int4 AND s.change_no = w.change_no RETURNING 1)
      SELECT count(*)::int FROM done`,
    rowOf: ([userId = '', name = ''], value) => ({
      kind: 'setting',
      row: settingRowName({ userId, name }),
      shown: { [name]: value },
    }),
    stored: ({ shown }) => Object.values(shown)[0] as JsonValue,
  };
}

/** By table the indexes of a page, and of what replaces its rows. */
const INDEXES: Readonly<Record<string, readonly [page: string[], replace: string[]]>> = {
  memory_revisions: [
    ['memory_revisions_pkey'],
    ['memories_change_no', 'memory_revisions_pkey', 'workspace_heads_pkey'],
  ],
  setting_revisions: [['setting_revisions_setting'], ['setting_revisions_pkey']],
  settings: [['settings_pkey'], ['settings_pkey']],
};

export const planCases: readonly PlanCase[] = Object.entries(TABLES).flatMap(([name, { page, replace }]) => [
  {
    title: `plain rows of ${name}`,
    statement: { kind: 'plain_page', name: undefined, text: page },
    values: ['1', '5', '100'],
    indexes: INDEXES[name]?.[0] ?? [],
  },
  {
    title: `sealing rows of ${name}`,
    statement: { kind: 'plain_replace', name: undefined, text: replace },
    values: ['1', '{5,6}', '{"{}","{}"}', '{"{}","{}"}'],
    indexes: INDEXES[name]?.[1] ?? [],
  },
]);

export function createPlainRows({ pool }: Pick<Database, 'pool'>, sweeper: PurgeSweeper): PlainRows {
  const table = (name: string) => {
    const found = TABLES[name];
    if (found === undefined) throw new Error(`there is nothing to seal in ${name}`);
    return found;
  };
  return {
    tables: Object.keys(TABLES),

    workspaces: () =>
      translating(async () => {
        const { rows } = await pool.query<{ workspace_id: number }>({ text: WORKSPACE_IDS });
        return rows.map((row) => row.workspace_id);
      }),

    page: (name, workspaceId, after) =>
      translating(async () => {
        const { page, rowOf } = table(name);
        const query = { text: page, values: [workspaceId, after ?? null, PAGE_ROWS], rowMode: 'array' as const };
        const { rows } = await pool.query<Fields>(query);
        const plain = rows.flatMap(([position, place, stored, sealed]): PlainRow[] => {
          if (stored === null) return [];
          const { shown, ...row } = rowOf(place, stored);
          return [{ position, row: { workspaceId, ...row }, shown, sealed: sealed ?? {} }];
        });
        return { rows: plain, last: rows.at(-1)?.[0], isEnd: rows.length < PAGE_ROWS };
      }),

    replace: async (name, workspaceId, rows) => {
      const { replace, stored } = table(name);
      const values = [
        workspaceId,
        rows.map(({ position }) => position),
        rows.map((row) => JSON.stringify(stored(row))),
        rows.map(({ sealed }) => JSON.stringify(sealed)),
      ];
      try {
        return await pool.withClient(async (client) => {
          await client.query('BEGIN');
          await client.query({ text: LOCK_WORKSPACE, values: [workspaceId] });
          const done = await client.query<[number]>({ text: replace, values, rowMode: 'array' });
          await client.query('COMMIT');
          return done.rows[0]?.[0] ?? 0;
        });
      } catch (error) {
        throw toWriteError(error);
      }
    },

    finish: async () => {
      try {
        await pool.query({ text: FORGET_SETTINGS });
      } catch (error) {
        throw toWriteError(error);
      }
      sweeper.sweep();
    },
  };
}

const FORGET_SETTINGS = "UPDATE cache_generations SET generation = generation + 1 WHERE cache = 'configuration'";
