import { randomUUID } from 'node:crypto';
import { Role } from '../../../src/shared/gen/memoryhub/v1/admin_service.ts';
import type { Cluster } from './cluster.ts';
import { RecordingClients } from './recording-client.ts';

const CLIENTS = 8;
const MEMORIES = 12;

/** Eight clients in two new workspaces, which use the same ids, on all servers of the cluster; not yet started. */
export async function recordingClients(cluster: Cluster, deadlineMs = 3_000): Promise<RecordingClients> {
  const credentials = new Map<string, string>();
  for (const name of ['a', 'b']) {
    const workspace = `${name}-${randomUUID().slice(0, 8)}`;
    await cluster.newWorkspace(workspace);
    credentials.set(workspace, await cluster.newKey({ workspace, role: Role.WRITER }));
  }
  const ids = Array.from({ length: MEMORIES }, () => randomUUID());
  return new RecordingClients({ addresses: cluster.addresses, credentials, ids, clients: CLIENTS, deadlineMs });
}
