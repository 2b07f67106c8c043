import type {
  ApiKey as ApiKeyMessage,
  Workspace as WorkspaceMessage,
} from '../../../shared/gen/memoryhub/v1/admin_service.ts';
import { timestampFromMicros } from '../../../shared/time.ts';
import type { ApiKey, Workspace } from '../../domain/admin-repository.ts';

/** Rows of one message of a stream: some 100 KiB at most. */
const ROWS_PER_MESSAGE = 250;

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
    revokeTime: key.revokeTime === undefined ? undefined : timestampFromMicros(key.revokeTime),
  };
}

/** Cuts rows into the messages of a stream. */
export function* inMessages<Row>(rows: readonly Row[]): Generator<Row[]> {
  for (let from = 0; from < rows.length; from += ROWS_PER_MESSAGE) yield rows.slice(from, from + ROWS_PER_MESSAGE);
}
