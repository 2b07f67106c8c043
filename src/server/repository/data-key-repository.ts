import type { Database } from '../database/database.ts';
import type { DataKeyStore, StoredDataKey } from '../domain/sealing/data-key-store.ts';
import { toWriteError, translating } from './driver-errors.ts';

type DataKeyFields = [workspaceId: number, generation: number, kekId: string, wrapped: Buffer];

/** Wrapped data keys in PostgreSQL: each process reads those of a workspace once. */
export function createDataKeyStore({ pool }: Database): DataKeyStore {
  const read = (where: string, values: readonly unknown[]): Promise<StoredDataKey[]> =>
    translating(async () => {
      const { rows } = await pool.query<DataKeyFields>({
        text: `SELECT workspace_id, generation, kek_id, wrapped FROM sealing_keys ${where} ORDER BY 1, 2`,
        values: [...values],
        rowMode: 'array',
      });
      return rows.map(([workspaceId, generation, kekId, wrapped]) => ({ workspaceId, generation, kekId, wrapped }));
    });
  /** @returns rows that were changed */
  const change = async (text: string, values: readonly unknown[]): Promise<number> => {
    try {
      return (await pool.query({ text, values: [...values] })).rowCount ?? 0;
    } catch (error) {
      throw toWriteError(error);
    }
  };

  return {
    keysOf: (workspaceId) => read('WHERE workspace_id = $1', [workspaceId]),
    all: () => read('', []),
    add: async ({ workspaceId, generation, kekId, wrapped }) => {
      await change(
        'INSERT INTO sealing_keys (workspace_id, generation, kek_id, wrapped) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        [workspaceId, generation, kekId, Buffer.from(wrapped)],
      );
    },
    replace: async ({ workspaceId, generation, kekId }, next) => {
      const changed = await change(
        `UPDATE sealing_keys SET kek_id = $1, wrapped = $2
          WHERE workspace_id = $3 AND generation = $4 AND kek_id = $5`,
        [next.kekId, Buffer.from(next.wrapped), workspaceId, generation, kekId],
      );
      return changed > 0;
    },
    bumpGeneration: async () => {
      await change("UPDATE cache_generations SET generation = generation + 1 WHERE cache = 'sealing'", []);
    },
  };
}
