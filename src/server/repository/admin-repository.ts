import { Lazy } from '../../shared/lazy.ts';
import type { Database } from '../database/database.ts';
import type { AdminRepository, Generations } from '../domain/admin-repository.ts';
import { type ApiKeyFields, apiKeyOfFields, FIND_API_KEY, RECORD_KEY_USES } from './api-key-statements.ts';
import { translating } from './driver-errors.ts';

/**
 * One round trip, prepared: every process asks four times a second. It reads every workspace's head, in
 * one scan: with 10,000 workspaces 2 ms of the database and a round trip of some 10, on two shared cores
 * (it took 16 to 18 in two sorted scans). Many more would want to be told what changed instead.
 */
export const POLL_GENERATIONS = {
  name: 'poll_generations',
  rowMode: 'array' as const,
  text: `
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
           (SELECT generation FROM cache_generations WHERE cache = 'authentication'),
           (SELECT generation FROM cache_generations WHERE cache = 'storage_info'),
           (SELECT generation FROM cache_generations WHERE cache = 'configuration'),
           (SELECT generation FROM cache_generations WHERE cache = 'sealing'),
           (SELECT generation FROM cache_generations WHERE cache = 'opened_values'),
           array_agg(workspace_id), array_agg(cache_epoch::text)
      FROM workspace_heads`,
};
type PollRow = [
  now: number,
  authentication: number,
  storageInfo: number,
  configuration: number,
  sealing: number,
  openedValues: number,
  ids: number[] | null,
  epochs: string[] | null,
];

/** Workspaces and keys in PostgreSQL: what calls wait for by statements of its own, the rest through the ORM. */
export function createAdminRepository(database: Database): AdminRepository {
  const { pool } = database;
  const loaded = new Lazy(async () => {
    const [{ createAdminChanges }, orm] = await Promise.all([import('./admin-changes.ts'), database.orm()]);
    return createAdminChanges(orm);
  });
  const changes = () => loaded.get();

  return {
    findApiKey: (id) =>
      translating(async () => {
        const { rows } = await pool.query<ApiKeyFields>({ ...FIND_API_KEY, values: [id] });
        return rows[0] && apiKeyOfFields(rows[0]);
      }),

    recordKeyUses: (uses) =>
      translating(async () => {
        await pool.query({ ...RECORD_KEY_USES, values: [uses.map(({ id }) => id), uses.map(({ agoMs }) => agoMs)] });
      }),

    pollGenerations: () =>
      translating(async () => {
        const { rows } = await database.pollPool.query<PollRow>(POLL_GENERATIONS);
        const row = rows[0];
        if (row === undefined) throw new Error('no generations');
        const [now, authentication, storageInfo, configuration, sealing, openedValues, ids, epochs] = row;
        const byWorkspace = (ids ?? []).map((id, index) => [id, Number(epochs?.[index])] as const);
        return {
          now,
          authentication,
          storageInfo,
          configuration,
          sealing,
          openedValues,
          epochs: new Map(byWorkspace),
        } satisfies Generations;
      }),

    createWorkspace: async (...of) => (await changes()).createWorkspace(...of),
    findWorkspace: async (...of) => (await changes()).findWorkspace(...of),
    listWorkspaces: async (...of) => (await changes()).listWorkspaces(...of),
    createApiKey: async (...of) => (await changes()).createApiKey(...of),
    listApiKeys: async (...of) => (await changes()).listApiKeys(...of),
    revokeApiKey: async (...of) => (await changes()).revokeApiKey(...of),
    rotateApiKeys: async (...of) => (await changes()).rotateApiKeys(...of),
    emptyCaches: async (...of) => (await changes()).emptyCaches(...of),
    bumpCacheEpoch: async (...of) => (await changes()).bumpCacheEpoch(...of),
    bumpGeneration: async (...of) => (await changes()).bumpGeneration(...of),
  };
}
