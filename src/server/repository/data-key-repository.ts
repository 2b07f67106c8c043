import type { Database } from '../database/database.ts';
import { SealingKeyEntity } from '../database/entities/server.ts';
import type { DataKeyStore, StoredDataKey } from '../domain/sealing/data-key-store.ts';
import { toWriteError, translating } from './driver-errors.ts';

/** Wrapped data keys in PostgreSQL, through the ORM: each process reads those of a workspace once. */
export function createDataKeyStore(database: Database): DataKeyStore {
  const { orm } = database;
  const read = (where: { workspaceId?: number }): Promise<StoredDataKey[]> =>
    translating(async () => {
      const rows = await orm.em.fork().find(SealingKeyEntity, where, { orderBy: { workspaceId: 1, generation: 1 } });
      return rows.map(({ workspaceId, generation, kekId, wrapped }) => ({ workspaceId, generation, kekId, wrapped }));
    });
  const change = async <T>(sql: string, values: readonly unknown[]): Promise<T[]> => {
    try {
      return await orm.em.fork().execute<T[]>(sql, [...values]);
    } catch (error) {
      throw toWriteError(error);
    }
  };

  return {
    keysOf: (workspaceId) => read({ workspaceId }),
    all: () => read({}),
    add: async ({ workspaceId, generation, kekId, wrapped }) => {
      await change(
        'INSERT INTO sealing_keys (workspace_id, generation, kek_id, wrapped) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
        [workspaceId, generation, kekId, Buffer.from(wrapped)],
      );
    },
    replace: async ({ workspaceId, generation, kekId }, next) => {
      const rows = await change<{ generation: number }>(
        `UPDATE sealing_keys SET kek_id = ?, wrapped = ?
          WHERE workspace_id = ? AND generation = ? AND kek_id = ? RETURNING generation`,
        [next.kekId, Buffer.from(next.wrapped), workspaceId, generation, kekId],
      );
      return rows.length > 0;
    },
    bumpGeneration: async () => {
      await change("UPDATE cache_generations SET generation = generation + 1 WHERE cache = 'sealing'", []);
    },
  };
}
