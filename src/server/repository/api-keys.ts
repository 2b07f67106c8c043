import type { EntityManager, InferEntity } from '@mikro-orm/postgresql';
import { ApiKeyEntity, WorkspaceEntity } from '../database/entities/workspace.ts';
import type { ApiKey, NewKey, NewSecret, Rotation } from '../domain/admin-repository.ts';
import { ServiceError } from '../domain/errors.ts';
import type { Role } from '../domain/principal.ts';
import { previousOf } from './api-key-statements.ts';

/** Parameters: expire_time twice, or else the time to live, in microseconds; id. */
const SET_EXPIRY = `
  UPDATE api_keys SET expire_time = CASE WHEN ? IS NOT NULL
      THEN timestamptz 'epoch' + ?::bigint * interval '1 microsecond'
      ELSE clock_timestamp() + ?::bigint * interval '1 microsecond' END
   WHERE id = ?`;

/** A secret of a living key gives way to a new one. Parameters: overlap in microseconds, hash, id. */
const ROTATE = `
  UPDATE api_keys
     SET previous_hash = secret_hash, previous_expire_time = clock_timestamp() + ?::bigint * interval '1 microsecond',
         secret_hash = ?, rotate_time = clock_timestamp()
   WHERE id = ? AND revoke_time IS NULL AND (expire_time IS NULL OR expire_time > clock_timestamp())
  RETURNING id`;

export async function insertKey(em: EntityManager, key: NewKey): Promise<ApiKey> {
  await em.insert(ApiKeyEntity, {
    id: key.id,
    name: key.name,
    role: key.role,
    workspaceId: key.workspaceId,
    userId: key.access.userId,
    teams: [...key.access.teams],
    description: key.description ?? '',
    secretHash: Buffer.from(key.secretHash),
  });
  await setExpiry(em, key.id, key);
  return keyOf(em, await em.findOneOrFail(ApiKeyEntity, { id: key.id }));
}

/** @throws ServiceError API_KEY_ENDED */
export async function rotateKey(em: EntityManager, secret: NewSecret, rotation: Rotation): Promise<ApiKey> {
  const hash = Buffer.from(secret.secretHash);
  const rotated = await em.execute(ROTATE, [rotation.overlapMicros, hash, secret.id]);
  if (rotated.length === 0) throw keyEnded(secret.id);
  await setExpiry(em, secret.id, rotation);
  return keyOf(em, await em.findOneOrFail(ApiKeyEntity, { id: secret.id }));
}

/** @returns the key, and whether it was revoked just now; undefined when there is no such key */
export async function revokeKey(em: EntityManager, id: string): Promise<[key: ApiKey, now: boolean] | undefined> {
  // Only the first revocation counts; the database's clock says when.
  const revoked = await em.execute(
    'UPDATE api_keys SET revoke_time = clock_timestamp() WHERE id = ? AND revoke_time IS NULL RETURNING id',
    [id],
  );
  const row = await em.findOne(ApiKeyEntity, { id });
  return row === null ? undefined : [await keyOf(em, row), revoked.length > 0];
}

/** workspaceId undefined: all keys. */
export async function listKeys(em: EntityManager, workspaceId: number | undefined): Promise<ApiKey[]> {
  const rows = await em.find(ApiKeyEntity, workspaceId === undefined ? {} : { workspaceId }, {
    orderBy: { createTime: 'asc', id: 'asc' },
  });
  const names = await workspaceNames(em, rows);
  return rows.map((row) => apiKeyOf(row, names));
}

async function setExpiry(
  em: EntityManager,
  id: string,
  { expireTime, ttlMicros }: Pick<NewKey, 'expireTime' | 'ttlMicros'>,
): Promise<void> {
  if (expireTime === undefined && ttlMicros === undefined) return;
  const at = expireTime ?? null;
  await em.execute(SET_EXPIRY, [at, at, ttlMicros ?? null, id]);
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

function apiKeyOf(row: ApiKeyRow, workspaces: ReadonlyMap<number, string>): ApiKey {
  return {
    id: row.id,
    name: row.name,
    // Only insertKey writes the column.
    role: row.role as Role,
    workspaceId: row.workspaceId,
    workspace: workspaces.get(row.workspaceId) ?? '',
    access: { userId: row.userId, teams: row.teams },
    description: row.description,
    createTime: row.createTime,
    revokeTime: row.revokeTime ?? undefined,
    expireTime: row.expireTime ?? undefined,
    lastUseTime: row.lastUseTime ?? undefined,
    rotateTime: row.rotateTime ?? undefined,
    previous: previousOf(row.previousHash, row.previousExpireTime),
    secretHash: row.secretHash,
  };
}

function keyEnded(id: string): ServiceError {
  return new ServiceError('API_KEY_ENDED', 'a key that is revoked or expired gets no new secret', { metadata: { id } });
}
