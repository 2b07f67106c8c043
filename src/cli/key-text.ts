import type { Timestamp } from '../shared/gen/google/protobuf/timestamp.ts';
import { type ApiKey, Role } from '../shared/gen/memoryhub/v1/admin_service.ts';
import { timestampText } from '../shared/memory-json.ts';
import { timeText } from './output.ts';

export const ROLES = {
  reader: Role.READER,
  writer: Role.WRITER,
  admin: Role.ADMIN,
  monitor: Role.MONITOR,
  operator: Role.OPERATOR,
} as const;
export const ROLE_NAMES = Object.fromEntries(Object.entries(ROLES).map(([name, value]) => [value, name]));

/** "valid", "until ...", "expired ...", "revoked ...". */
export function stateText(key: ApiKey): string {
  if (key.revokeTime) return `revoked ${timeText(key.revokeTime)}`;
  if (!key.expireTime) return 'valid';
  const past = Number(key.expireTime.seconds) * 1000 <= Date.now();
  return `${past ? 'expired' : 'until'} ${timeText(key.expireTime)}`;
}

export function keyToJson(key: ApiKey | undefined): Record<string, unknown> {
  if (!key) return {};
  return {
    id: key.id,
    name: key.name,
    role: ROLE_NAMES[key.role],
    ...(key.workspace ? { workspace: key.workspace } : {}),
    ...(key.userId ? { user_id: key.userId } : {}),
    ...(key.teams.length > 0 ? { teams: key.teams } : {}),
    ...(key.createTime ? { create_time: timestampText(key.createTime) } : {}),
    ...(key.description ? { description: key.description } : {}),
    ...timeToJson('revoke_time', key.revokeTime),
    ...timeToJson('expire_time', key.expireTime),
    ...timeToJson('last_use_time', key.lastUseTime),
    ...timeToJson('rotate_time', key.rotateTime),
    ...timeToJson('previous_expire_time', key.previousExpireTime),
  };
}

function timeToJson(name: string, time: Timestamp | undefined): Record<string, string> {
  return time ? { [name]: timestampText(time) } : {};
}
