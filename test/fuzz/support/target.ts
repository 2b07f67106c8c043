import { randomBytes, randomUUID } from 'node:crypto';
import { Role } from '../../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { Scope } from '../../../src/shared/gen/memoryhub/v1/memory.ts';
import { type Cluster, plainHub } from '../../faults/support/cluster.ts';
import type { Vocabulary } from './message-bytes.ts';

export interface Target {
  /** By what they are: every role, a bound key, a wrong one, none. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly words: Vocabulary;
  /** Texts of another workspace and secrets of this one: nobody who asks may ever be told them. */
  readonly forbidden: readonly string[];
}

/**
 * Environment of a server that is fuzzed. With a heap this small it dies of a leak, and without one
 * its resident memory says how much it needs instead of how much there is. (With half of it the server
 * spent three times as long collecting garbage as on calls.)
 */
export const SMALL = {
  NODE_OPTIONS: '--max-old-space-size=256',
  MEMORYHUB_POOL_SIZE: '10',
  MEMORYHUB_POOL_OVERFLOW: '10',
};

/** A workspace with memories of every scope, deleted ones and tokens, and keys of every role to it. */
export async function fillTarget(cluster: Cluster): Promise<Target> {
  const workspace = 'fuzzed';
  await cluster.newWorkspace(workspace);
  const key = (role: Role, bound = {}) => cluster.newKey({ role, workspace, ...bound });
  const credentials = {
    reader: await key(Role.READER),
    writer: await key(Role.WRITER),
    admin: await key(Role.ADMIN),
    'bound writer': await key(Role.WRITER, { userId: 'ada', teams: ['core'] }),
    monitor: await cluster.newKey({ role: Role.MONITOR }),
    operator: await cluster.newKey({ role: Role.OPERATOR }),
    wrong: `mh_${'a'.repeat(16)}_${'b'.repeat(43)}`,
  };
  const hub = plainHub(cluster.address(0), credentials.writer);
  const memories = Array.from({ length: 60 }, (_, index) => ({
    content: `memory ${index}`,
    key: `key-${index}`,
    tags: ['x'],
    metadata: { a: index },
    ...[
      { scope: Scope.WORKSPACE },
      { scope: Scope.PERSONAL, userId: index % 2 ? 'ada' : 'bob' },
      { scope: Scope.TEAM, team: 'core' },
    ][index % 3],
  }));
  const saved = await hub.memories.batchSaveMemories({ memories });
  const ids = saved.memories.map(({ id }) => id);
  const elsewhere = await plantElsewhere(cluster);
  for (const id of ids.slice(0, 10)) await hub.memories.deleteMemory({ id });
  const tokens: string[] = [];
  for await (const { nextPageToken } of hub.memories.listMemories({ limit: 5 })) tokens.push(nextPageToken);
  for await (const { event } of hub.memories.exportMemories({})) {
    if (event?.$case === 'chunk') tokens.push(event.value.resumeToken);
  }
  hub.close();
  const words = {
    ids: [...ids.slice(0, 12), ...elsewhere.ids, randomUUID(), ids[0]?.toUpperCase() ?? ''],
    keys: ['key-1', 'key-2', 'key-5', 'new'],
    users: ['ada', 'bob'],
    teams: ['core', 'other'],
    tokens: tokens.filter((token) => token !== '').slice(0, 4),
    workspaces: [workspace, elsewhere.workspace, 'nowhere'],
    requestIds: Array.from({ length: 20 }, () => randomUUID()),
  };
  return { credentials, words, forbidden: elsewhere.texts };
}

/** A workspace that no key of the target reaches, whose memories and settings are all one recognisable text. */
async function plantElsewhere(cluster: Cluster) {
  const workspace = 'elsewhere';
  const canary = `canary${randomBytes(12).toString('hex')}`;
  const sealed = `sk-sealed${randomBytes(16).toString('hex')}`;
  await cluster.newWorkspace(workspace);
  const hub = plainHub(cluster.address(0), await cluster.newKey({ role: Role.ADMIN, workspace }));
  const { memories } = await hub.memories.batchSaveMemories({
    memories: Array.from({ length: 4 }, (_, index) => ({
      content: canary,
      key: index === 0 ? 'key-1' : '',
      tags: [canary],
      metadata: { a: canary, api_key: sealed },
    })),
  });
  for (const userId of ['', 'ada']) {
    await hub.config.setConfig({ setting: { name: 'mail', userId, value: { canary, password: sealed } } });
  }
  hub.close();
  return { workspace, ids: memories.map(({ id }) => id), texts: [canary, sealed] };
}
