import { type EntityManager, type InferEntity, UniqueConstraintViolationException } from '@mikro-orm/postgresql';
import type { Database } from '../database/database.ts';
import { ApiKeyEntity, WorkspaceEntity, WorkspaceHeadEntity } from '../database/entities/workspace.ts';
import type { AdminRepository, ApiKey, Generations, Workspace } from '../domain/admin-repository.ts';
import { ServiceError } from '../domain/errors.ts';
import type { Role } from '../domain/principal.ts';
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
           array_agg(workspace_id), array_agg(cache_epoch::text)
      FROM workspace_heads`,
};
type PollRow = [
  now: number,
  authentication: number,
  storageInfo: number,
  ids: number[] | null,
  epochs: string[] | null,
];

/** Part of a call, and so within the pool's bounds: the ORM would wait seconds for a connection. */
export const FIND_API_KEY = {
  name: 'find_api_key',
  rowMode: 'array' as const,
  text: `
    SELECT k.id, k.name, k.role, k.workspace_id, coalesce(w.name, ''), k.user_id, k.teams,
           (extract(epoch FROM k.create_time) * 1000000)::bigint,
           (extract(epoch FROM k.revoke_time) * 1000000)::bigint, k.secret_hash
      FROM api_keys k LEFT JOIN workspaces w ON w.id = k.workspace_id
     WHERE k.id = $1`,
};
type ApiKeyFields = [
  id: string,
  name: string,
  role: number,
  workspaceId: number,
  workspace: string,
  userId: string,
  teams: string[],
  createTime: number,
  revokeTime: number | null,
  secretHash: Buffer,
];

/** Workspaces and keys in PostgreSQL, through the ORM. */
export function createAdminRepository(database: Database): AdminRepository {
  const { orm, pool } = database;
  /** A unit of work of its own for every call: nothing is remembered between them. */
  const work = <T>(run: (em: EntityManager) => Promise<T>) => translating(() => run(orm.em.fork()));
  /** The same for changes, which a lost connection leaves in doubt. */
  const change = async <T>(run: (em: EntityManager) => Promise<T>) => {
    try {
      return await run(orm.em.fork());
    } catch (error) {
      throw toWriteError(error);
    }
  };

  return {
    createWorkspace: (name, description) =>
      change((em) =>
        em.transactional(async () => {
          const id = await em.insert(WorkspaceEntity, { name, description });
          await em.insert(WorkspaceHeadEntity, { workspaceId: id });
          return workspaceOf(await em.findOneOrFail(WorkspaceEntity, { id }));
        }),
      ).catch((error) => {
        throw error instanceof UniqueConstraintViolationException ? workspaceExists(error) : error;
      }),

    findWorkspace: (name) =>
      work(async (em) => {
        const row = await em.findOne(WorkspaceEntity, { name });
        return row === null ? undefined : workspaceOf(row);
      }),

    listWorkspaces: () =>
      work(async (em) => (await em.findAll(WorkspaceEntity, { orderBy: { id: 'asc' } })).map(workspaceOf)),

    createApiKey: (key) =>
      change(async (em) => {
        await em.insert(ApiKeyEntity, {
          id: key.id,
          name: key.name,
          role: key.role,
          workspaceId: key.workspaceId,
          userId: key.access.userId,
          teams: [...key.access.teams],
          secretHash: Buffer.from(key.secretHash),
        });
        return keyOf(em, await em.findOneOrFail(ApiKeyEntity, { id: key.id }));
      }),

    findApiKey: (id) =>
      translating(async () => {
        const { rows } = await pool.query<ApiKeyFields>({ ...FIND_API_KEY, values: [id] });
        return rows[0] && apiKeyOfFields(rows[0]);
      }),

    listApiKeys: (workspaceId) =>
      work(async (em) => {
        const rows = await em.find(ApiKeyEntity, workspaceId === undefined ? {} : { workspaceId }, {
          orderBy: { createTime: 'asc', id: 'asc' },
        });
        const names = await workspaceNames(em, rows);
        return rows.map((row) => apiKeyOf(row, names));
      }),

    revokeApiKey: (id) =>
      change(async (em) => {
        // Only the first revocation counts; the database's clock says when.
        await em.execute('UPDATE api_keys SET revoke_time = clock_timestamp() WHERE id = ? AND revoke_time IS NULL', [
          id,
        ]);
        return findKey(em, id);
      }),

    pollGenerations: () =>
      translating(async () => {
        const { rows } = await pool.query<PollRow>(POLL_GENERATIONS);
        const row = rows[0];
        if (row === undefined) throw new Error('no generations');
        const [now, authentication, storageInfo, ids, epochs] = row;
        const byWorkspace = (ids ?? []).map((id, index) => [id, Number(epochs?.[index])] as const);
        return { now, authentication, storageInfo, epochs: new Map(byWorkspace) } satisfies Generations;
      }),

    bumpCacheEpoch: (workspaceId) =>
      change(async (em) => {
        await em.execute(
          `UPDATE workspace_heads SET cache_epoch = cache_epoch + 1 ${workspaceId === undefined ? '' : 'WHERE workspace_id = ?'}`,
          workspaceId === undefined ? [] : [workspaceId],
        );
      }),

    bumpGeneration: (cache) =>
      change(async (em) => {
        await em.execute('UPDATE cache_generations SET generation = generation + 1 WHERE cache = ?', [cache]);
      }),
  };
}

async function findKey(em: EntityManager, id: string): Promise<ApiKey | undefined> {
  const row = await em.findOne(ApiKeyEntity, { id });
  return row === null ? undefined : keyOf(em, row);
}

async function keyOf(em: EntityManager, row: ApiKeyRow): Promise<ApiKey> {
  return apiKeyOf(row, await workspaceNames(em, [row]));
}

type ApiKeyRow = InferEntity<typeof ApiKeyEntity>;

async function workspaceNames(em: EntityManager, keys: readonly ApiKeyRow[]): Promise<ReadonlyMap<number, string>> {
  const ids = [...new Set(keys.map((key) => key.workspaceId))].filter((id) => id !== 0);
  const rows = ids.length === 0 ? [] : await em.find(WorkspaceEntity, { id: { $in: ids } });
  return new Map(rows.map((row) => [row.id, row.name]));
}

function workspaceOf(row: InferEntity<typeof WorkspaceEntity>): Workspace {
  return { id: row.id, name: row.name, description: row.description, createTime: row.createTime };
}

function apiKeyOf(row: ApiKeyRow, workspaces: ReadonlyMap<number, string>): ApiKey {
  return {
    id: row.id,
    name: row.name,
    // Only createApiKey writes the column.
    role: row.role as Role,
    workspaceId: row.workspaceId,
    workspace: workspaces.get(row.workspaceId) ?? '',
    access: { userId: row.userId, teams: row.teams },
    createTime: row.createTime,
    revokeTime: row.revokeTime ?? undefined,
    secretHash: row.secretHash,
  };
}

function apiKeyOfFields(fields: ApiKeyFields): ApiKey {
  const [id, name, role, workspaceId, workspace, userId, teams, createTime, revokeTime, secretHash] = fields;
  return {
    id,
    name,
    // Only createApiKey writes the column.
    role: role as Role,
    workspaceId,
    workspace,
    access: { userId, teams },
    createTime,
    revokeTime: revokeTime ?? undefined,
    secretHash,
  };
}

function workspaceExists(cause: Error): ServiceError {
  return new ServiceError('WORKSPACE_EXISTS', 'a workspace of this name exists already', { cause });
}
