import { type EntityManager, type InferEntity, UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import type { Database } from '../database/database.ts';
import { WorkspaceEntity, WorkspaceHeadEntity } from '../database/entities/workspace.ts';
import type { AdminRepository, ApiKey, Generations, Workspace } from '../domain/admin-repository.ts';
import { ServiceError } from '../domain/errors.ts';
import {
  type ApiKeyFields,
  apiKeyOfFields,
  FIND_API_KEY,
  insertKey,
  listKeys,
  RECORD_KEY_USES,
  revokeKey,
  rotateKey,
} from './api-keys.ts';
import { insertAct } from './audit-acts.ts';
import { toWriteError, translating } from './driver-errors.ts';

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

/** Workspaces and keys in PostgreSQL, through the ORM. */
export function createAdminRepository(database: Database): AdminRepository {
  const { orm, pool } = database;
  /** A unit of work of its own for every call: nothing is remembered between them. */
  const work = <T>(run: (em: EntityManager) => Promise<T>) => translating(() => run(orm.em.fork()));
  /** The same for changes, each a transaction, which a lost connection leaves in doubt. */
  const change = async <T>(run: (em: EntityManager) => Promise<T>) => {
    try {
      return await orm.em.fork().transactional(run);
    } catch (error) {
      throw toWriteError(error);
    }
  };

  return {
    createWorkspace: (name, description, act) =>
      change(async (em) => {
        const id = await em.insert(WorkspaceEntity, { name, description });
        await em.insert(WorkspaceHeadEntity, { workspaceId: id });
        await insertAct(em, act && { ...act, workspaceId: id });
        return workspaceOf(await em.findOneOrFail(WorkspaceEntity, { id }));
      }).catch((error) => {
        throw error instanceof UniqueConstraintViolationException ? workspaceExists(error) : error;
      }),

    findWorkspace: (name) =>
      work(async (em) => {
        const row = await em.findOne(WorkspaceEntity, { name });
        return row === null ? undefined : workspaceOf(row);
      }),

    listWorkspaces: () =>
      work(async (em) => (await em.findAll(WorkspaceEntity, { orderBy: { id: 'asc' } })).map(workspaceOf)),

    createApiKey: (key, act) =>
      change(async (em) => {
        await insertAct(em, act);
        return insertKey(em, key);
      }),

    findApiKey: (id) =>
      translating(async () => {
        const { rows } = await pool.query<ApiKeyFields>({ ...FIND_API_KEY, values: [id] });
        return rows[0] && apiKeyOfFields(rows[0]);
      }),

    listApiKeys: (workspaceId) => work((em) => listKeys(em, workspaceId)),

    revokeApiKey: (id, act) =>
      change(async (em) => {
        const [key, now] = (await revokeKey(em, id)) ?? [];
        if (now) {
          await bumpGenerations(em, ['authentication']);
          await insertAct(em, act);
        }
        return key;
      }),

    rotateApiKeys: (secrets, rotation, act) =>
      change(async (em) => {
        const keys: ApiKey[] = [];
        // By id, so that two rotations of the same keys cannot wait for each other.
        for (const secret of secrets.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
          const key = await rotateKey(em, secret, rotation);
          await insertAct(em, act?.(key));
          keys.push(key);
        }
        await bumpGenerations(em, ['authentication']);
        return secrets.map(({ id }) => keys.find((key) => key.id === id) as ApiKey);
      }),

    recordKeyUses: (uses) =>
      translating(async () => {
        await pool.query({ ...RECORD_KEY_USES, values: [uses.map(({ id }) => id), uses.map(({ agoMs }) => agoMs)] });
      }),

    emptyCaches: ({ memories, generations }, act) =>
      change(async (em) => {
        if (memories !== undefined) await bumpEpochs(em, memories.workspaceId);
        await bumpGenerations(em, generations);
        await insertAct(em, act);
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

    bumpCacheEpoch: (workspaceId) => change((em) => bumpEpochs(em, workspaceId)),

    bumpGeneration: (cache) => change((em) => bumpGenerations(em, [cache])),
  };
}

async function bumpEpochs(em: EntityManager, workspaceId: number | undefined): Promise<void> {
  await em.execute(
    `UPDATE workspace_heads SET cache_epoch = cache_epoch + 1 ${workspaceId === undefined ? '' : 'WHERE workspace_id = ?'}`,
    workspaceId === undefined ? [] : [workspaceId],
  );
}

async function bumpGenerations(em: EntityManager, caches: readonly string[]): Promise<void> {
  for (const cache of caches.toSorted()) {
    await em.execute('UPDATE cache_generations SET generation = generation + 1 WHERE cache = ?', [cache]);
  }
}

function workspaceOf(row: InferEntity<typeof WorkspaceEntity>): Workspace {
  return { id: row.id, name: row.name, description: row.description, createTime: row.createTime };
}

function workspaceExists(cause: Error): ServiceError {
  return new ServiceError('WORKSPACE_EXISTS', 'a workspace of this name exists already', { cause });
}
