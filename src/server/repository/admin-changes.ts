import {
  type EntityManager,
  type InferEntity,
  type MikroORM,
  UniqueConstraintViolationException,
} from '@mikro-orm/postgresql';
import { WorkspaceEntity, WorkspaceHeadEntity } from '../database/entities/workspace.ts';
import type { AdminRepository, ApiKey, Workspace } from '../domain/admin-repository.ts';
import { ServiceError } from '../domain/errors.ts';
import { insertKey, listKeys, revokeKey, rotateKey } from './api-keys.ts';
import { insertAct } from './audit-acts.ts';
import { toWriteError, translating } from './driver-errors.ts';

/** What is called seldom, and by people. */
export type AdminChanges = Omit<AdminRepository, 'findApiKey' | 'recordKeyUses' | 'pollGenerations'>;

/** Workspaces and keys in PostgreSQL, through the ORM. */
export function createAdminChanges(orm: MikroORM): AdminChanges {
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

    emptyCaches: ({ memories, generations }, act) =>
      change(async (em) => {
        if (memories !== undefined) await bumpEpochs(em, memories.workspaceId);
        await bumpGenerations(em, generations);
        await insertAct(em, act);
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
