import type { ApiKey } from '../domain/admin-repository.ts';
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

export function previousOf(secretHash: Uint8Array | null | undefined, expireTime: number | null | undefined) {
  return secretHash && expireTime ? { secretHash, expireTime } : undefined;
}
