import type { EntityManager, InferEntity } from '@mikro-orm/postgresql';
import { ApiKeyEntity, WorkspaceEntity } from '../database/entities/workspace.ts';
import type { ApiKey, NewKey, NewSecret, Rotation } from '../domain/admin-repository.ts';
import { ServiceError } from '../domain/errors.ts';
import type { Role } from '../domain/principal.ts';

const MICROS = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** Part of a call, and so within the pool's bounds: the ORM would wait seconds for a connection. */
export const FIND_API_KEY = {
  name: 'find_api_key',
  rowMode: 'array' as const,
  text: `
    SELECT k.id, k.name, k.role, k.workspace_id, coalesce(w.name, ''), k.user_id, k.teams, k.description,
           k.secret_hash, k.previous_hash, ${[
             'k.create_time',
             'k.revoke_time',
             'k.expire_time',
             'k.last_use_time',
             'k.rotate_time',
             'k.previous_expire_time',
           ]
             .map(MICROS)
             .join(', ')}
      FROM api_keys k LEFT JOIN workspaces w ON w.id = k.workspace_id
     WHERE k.id = $1`,
};
export type ApiKeyFields = [
  id: string,
  name: string,
  role: number,
  workspaceId: number,
  workspace: string,
  userId: string,
  teams: string[],
  description: string,
  secretHash: Buffer,
  previousHash: Buffer | null,
  createTime: number,
  revokeTime: number | null,
  expireTime: number | null,
  lastUseTime: number | null,
  rotateTime: number | null,
  previousExpireTime: number | null,
];

/**
 * Of keys whose row another process is just at it sees to the same; so that two cannot wait for each
 * other, nobody waits. $1 ids, $2 milliseconds since each was used.
 */
export const RECORD_KEY_USES = {
  name: 'record_key_uses',
  text: `
    WITH used AS (SELECT id, clock_timestamp() - ago * interval '1 millisecond' AS at
                    FROM unnest($1::text[], $2::float8[]) AS u(id, ago)),
         due AS (SELECT k.id, used.at FROM used JOIN api_keys k USING (id)
                  WHERE k.last_use_time IS NULL OR k.last_use_time < used.at - interval '1 minute'
                    FOR NO KEY UPDATE OF k SKIP LOCKED)
    UPDATE api_keys k SET last_use_time = due.at FROM due WHERE k.id = due.id`,
};

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

export function apiKeyOfFields(fields: ApiKeyFields): ApiKey {
  const [id, name, role, workspaceId, workspace, userId, teams, description, secretHash, previousHash, ...times] =
    fields;
  const [createTime, revokeTime, expireTime, lastUseTime, rotateTime, previousExpireTime] = times;
  return {
    id,
    name,
    // Only insertKey writes the column.
    role: role as Role,
    workspaceId,
    workspace,
    access: { userId, teams },
    description,
    createTime,
    revokeTime: revokeTime ?? undefined,
    expireTime: expireTime ?? undefined,
    lastUseTime: lastUseTime ?? undefined,
    rotateTime: rotateTime ?? undefined,
    previous: previousOf(previousHash, previousExpireTime),
    secretHash,
  };
}

function previousOf(secretHash: Uint8Array | null | undefined, expireTime: number | null | undefined) {
  return secretHash && expireTime ? { secretHash, expireTime } : undefined;
}

function keyEnded(id: string): ServiceError {
  return new ServiceError('API_KEY_ENDED', 'a key that is revoked or expired gets no new secret', { metadata: { id } });
}
