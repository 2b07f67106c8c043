import type {
  ApiKey as ApiKeyMessage,
  Workspace as WorkspaceMessage,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import { timestampFromMicros } from '../../../shared/time.ts';
import type { ApiKey, Workspace } from '../../domain/admin-repository.ts';
import type { Micros } from '../../domain/memory.ts';

/** Bytes of the rows of one message of a stream, unless a single row is longer. A key has up to 8 KiB of teams. */
const BYTES_PER_MESSAGE = 128 * 1024;

export function workspaceMessage(workspace: Workspace): WorkspaceMessage {
  return {
    name: workspace.name,
    description: workspace.description,
    createTime: timestampFromMicros(workspace.createTime),
  };
}

/** Without the hash of the secret. */
export function apiKeyMessage(key: ApiKey): ApiKeyMessage {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    workspace: key.workspace,
    userId: key.access.userId,
    teams: [...key.access.teams],
    createTime: timestampFromMicros(key.createTime),
    revokeTime: timestamp(key.revokeTime),
    description: key.description,
    expireTime: timestamp(key.expireTime),
    ttl: undefined,
    lastUseTime: timestamp(key.lastUseTime),
    rotateTime: timestamp(key.rotateTime),
    previousExpireTime: timestamp(key.previous?.expireTime),
  };
}

function timestamp(time: Micros | undefined) {
  return time === undefined ? undefined : timestampFromMicros(time);
}

/**
 * Cuts rows into the messages of a stream by their encoded bytes. All rows are in memory already: there
 * are few enough workspaces and keys to read them with one query.
 */
export function* inMessages<Row>(
  rows: readonly Row[],
  type: { encode(row: Row): { finish(): Uint8Array } },
): Generator<Row[]> {
  let message: Row[] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = type.encode(row).finish().byteLength;
    if (message.length > 0 && bytes + size > BYTES_PER_MESSAGE) {
      yield message;
      message = [];
      bytes = 0;
    }
    message.push(row);
    bytes += size;
  }
  if (message.length > 0) yield message;
}
