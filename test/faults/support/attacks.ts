import type { DescMessage } from '@bufbuild/protobuf';
import { Cache, ProfileKind, Role } from '../../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { Consistency, Scope } from '../../../src/shared/gen/memoryhub/v1/memory.ts';
import type { MemoryHub } from '../../../src/shared/service-client.ts';

/** What leads to somebody's data: the victim's, or made up. */
export interface Reference {
  readonly id: string;
  readonly key: string;
  readonly userId: string;
  readonly category: string;
  readonly listToken: string;
  readonly revisionsToken: string;
  readonly exportToken: string;
  readonly requestId: string;
  readonly etag: string;
  readonly workspace: string;
  readonly apiKeyId: string;
}

/** By which fields of a request somebody else's data might be reached; "nothing" for requests without any. */
export type Way = 'id' | 'key' | 'filter' | 'token' | 'request_id' | 'owner' | 'workspace' | 'nothing';

/** Calls made with a reference. The answer must be the same for the victim's and for a made-up one. */
export type Attack = (hub: MemoryHub, reference: Reference) => unknown;

const WAYS: Readonly<Record<string, Way>> = {
  id: 'id',
  ids: 'id',
  memory_id: 'id',
  key: 'key',
  filter: 'filter',
  page_token: 'token',
  resume_token: 'token',
  request_id: 'request_id',
  user_id: 'owner',
  team: 'owner',
  teams: 'owner',
  workspace: 'workspace',
};
/** Output only, or the name of what is made. */
const NO_WAY = new Set(['memoryhub.v1.ApiKey.id', 'memoryhub.v1.CreateWorkspaceRequest.workspace']);

/** The ways a request has, by the names of its fields. */
export function waysOf(request: DescMessage): Set<Way> {
  const ways = new Set<Way>();
  const visit = (message: DescMessage) => {
    for (const field of message.fields) {
      const name = `${message.typeName}.${field.name}`;
      // RevokeApiKey's id is a way, the id within an ApiKey is not.
      const way = NO_WAY.has(name) ? undefined : WAYS[field.name];
      if (way !== undefined) ways.add(way);
      if (field.message?.typeName.startsWith('memoryhub.')) visit(field.message);
    }
  };
  visit(request);
  return ways.size === 0 ? new Set(['nothing']) : ways;
}

const id = ({ id: value }: Reference) => ({ $case: 'id' as const, value });
const key = ({ key: value, userId }: Reference) => ({
  $case: 'key' as const,
  value: { scope: Scope.PERSONAL, userId, key: value },
});
const every = [Consistency.READ_YOUR_WRITES, Consistency.EVENTUAL, Consistency.STRONG];
/** The same call, as fresh as can be and out of every cache. */
const atEvery = (call: (consistency: Consistency) => unknown) => Promise.all(every.map(call));
const filters = (reference: Reference) => [
  `id = "${reference.id}"`,
  `category = "${reference.category}"`,
  `user_id = "${reference.userId}" OR key = "${reference.key}"`,
  `NOT category = "nothing" AND category = "${reference.category}"`,
];

/** The setting of the victim's. */
export const SETTING = { name: 'nickname', value: 'S3CRET nickname' };

/** By "Service/Method" and way. An RPC or a way that is not here makes the test fail. */
export const ATTACKS: Readonly<Record<string, Readonly<Partial<Record<Way, Attack>>>>> = {
  'MemoryService/SaveMemory': {
    // With the id of somebody else in the same workspace there is no answer that tells nothing; see the test.
    key: ({ memories }, { key, userId }) =>
      memories.saveMemory({ memory: { key, userId, content: 'x' }, validateOnly: true }),
    owner: ({ memories }, { userId }) => memories.saveMemory({ memory: { userId, content: 'x' }, validateOnly: true }),
    id: ({ memories }, { etag }) =>
      memories.saveMemory({ memory: { id: ABSENT, etag, content: 'x' }, validateOnly: true }),
    request_id: ({ memories }, { requestId }) =>
      memories.saveMemory({ memory: { id: ABSENT, content: 'x' }, requestId, validateOnly: true }),
  },
  'MemoryService/GetMemory': {
    id: ({ memories }, reference) =>
      atEvery((consistency) => memories.getMemory({ target: id(reference), consistency, showDeleted: true })),
    key: ({ memories }, reference) =>
      atEvery((consistency) => memories.getMemory({ target: key(reference), consistency })),
    owner: ({ memories }, { userId }) =>
      memories.getMemory({ target: { $case: 'key', value: { scope: Scope.PERSONAL, userId, key: 'none' } } }),
  },
  'MemoryService/UpdateMemory': {
    id: ({ memories }, { id, etag }) =>
      Promise.all(
        ['', etag, '1'].map((guard) =>
          memories.updateMemory({ memory: { id, etag: guard, content: 'x' }, updateMask: ['content'] }),
        ),
      ),
    key: ({ memories }, { key, userId }) =>
      memories.updateMemory({ memory: { key, userId, content: 'x' }, updateMask: ['content'] }),
    owner: ({ memories }, { id, userId }) => memories.updateMemory({ memory: { id, userId, content: 'x' } }),
    request_id: ({ memories }, { id, requestId }) => memories.updateMemory({ memory: { id, content: 'x' }, requestId }),
  },
  'MemoryService/DeleteMemory': {
    id: ({ memories }, { id, etag }) =>
      Promise.all(
        [{}, { etag }, { etag: '1' }, { allowMissing: true }].map((how) => memories.deleteMemory({ id, ...how })),
      ),
    request_id: ({ memories }, { id, requestId }) => memories.deleteMemory({ id, requestId }),
  },
  'MemoryService/RestoreMemory': {
    id: ({ memories }, { id, etag }) =>
      Promise.all(
        [{}, { etag }, { revision: 1n }, { revision: 99n }].map((how) => memories.restoreMemory({ id, ...how })),
      ),
    request_id: ({ memories }, { id, requestId }) => memories.restoreMemory({ id, requestId }),
  },
  'MemoryService/BatchSaveMemories': {
    id: ({ memories }, { etag }) =>
      memories.batchSaveMemories({ memories: [{ id: ABSENT, etag, content: 'x' }], validateOnly: true }),
    key: ({ memories }, { key, userId }) =>
      memories.batchSaveMemories({ memories: [{ key, userId, content: 'x' }], validateOnly: true }),
    owner: ({ memories }, { userId }) =>
      memories.batchSaveMemories({ memories: [{ content: 'x' }, { userId, content: 'x' }], validateOnly: true }),
    request_id: ({ memories }, { requestId }) =>
      memories.batchSaveMemories({ memories: [{ id: ABSENT, content: 'x' }], requestId, validateOnly: true }),
  },
  'MemoryService/BatchGetMemories': {
    id: ({ memories }, { id }) => atEvery((consistency) => memories.batchGetMemories({ ids: [id], consistency })),
  },
  'MemoryService/BatchDeleteMemories': {
    id: ({ memories }, { id, etag }) =>
      Promise.all([
        memories.batchDeleteMemories({ targets: [{ id, etag: '' }] }),
        memories.batchDeleteMemories({ targets: [{ id, etag }] }),
        memories.batchDeleteMemories({ targets: [{ id, etag: '' }], allowMissing: true }),
      ]),
    request_id: ({ memories }, { id, requestId }) =>
      memories.batchDeleteMemories({ targets: [{ id, etag: '' }], requestId }),
  },
  'MemoryService/ListMemories': {
    filter: ({ memories }, reference) =>
      filters(reference).map((filter) => memories.listMemories({ filter, showDeleted: true })),
    token: ({ memories }, { listToken }) => [
      memories.listMemories({ pageToken: listToken, limit: 5 }),
      memories.listMemories({ pageToken: listToken, limit: 5, filter: 'content:"S"' }),
    ],
  },
  'MemoryService/ExportMemories': {
    filter: ({ memories }, reference) => filters(reference).map((filter) => memories.exportMemories({ filter })),
    token: ({ memories }, { exportToken, listToken }) => [
      memories.exportMemories({ resumeToken: exportToken }),
      memories.exportMemories({ resumeToken: listToken }),
    ],
  },
  'MemoryService/ListRevisions': {
    id: ({ memories }, { id }) => memories.listRevisions({ memoryId: id }),
    token: ({ memories }, { id, revisionsToken }) =>
      memories.listRevisions({ memoryId: id, pageToken: revisionsToken }),
  },
  'MemoryService/GetRevision': {
    id: ({ memories }, { id }) => [1n, 2n, 99n].map((revision) => memories.getRevision({ memoryId: id, revision })),
  },
  'MemoryService/GetStorageInfo': { nothing: ({ memories }) => memories.getStorageInfo({}) },
  'MemoryService/ListStorages': { nothing: ({ memories }) => memories.listStorages({}) },
  'MemoryService/PurgeMemories': {
    id: ({ memories }, { id }) => memories.purgeMemories({ ids: [id] }),
    filter: ({ memories }, reference) => filters(reference).map((filter) => memories.purgeMemories({ filter })),
  },
  'MemoryService/EraseUser': { owner: ({ memories }, { userId }) => memories.eraseUser({ userId }) },
  'ConfigService/GetConfig': { owner: ({ config }, { userId }) => config.getConfig({ userId }) },
  'ConfigService/SetConfig': {
    owner: ({ config }, { userId }) =>
      config.setConfig({ setting: { name: SETTING.name, value: 'mine', userId }, etag: '999999', validateOnly: true }),
  },
  'ConfigService/DeleteConfig': {
    owner: ({ config }, { userId }) => config.deleteConfig({ name: SETTING.name, userId }),
  },
  'ConfigService/ListConfig': { owner: ({ config }, { userId }) => config.listConfig({ userId }) },
  'ConfigService/ExportConfig': { nothing: ({ config }) => config.exportConfig({ revealSensitive: true }) },
  'ConfigService/ImportConfig': {
    owner: ({ config }, { userId }) =>
      config.importConfig({ settings: [{ name: SETTING.name, value: 'mine', userId }], validateOnly: true }),
  },
  'ConfigService/RevealSecret': {
    owner: ({ config }, { userId }) => config.revealSecret({ name: SETTING.name, userId }),
  },
  'ConfigService/ListConfigHistory': {
    owner: ({ config }, { userId }) => config.listConfigHistory({ name: SETTING.name, userId }),
  },
  'AdminService/CreateWorkspace': {
    nothing: ({ admin }, { workspace }) => admin.createWorkspace({ workspace: { name: workspace } }),
  },
  'AdminService/ListWorkspaces': { nothing: ({ admin }) => admin.listWorkspaces({}) },
  'AdminService/CreateApiKey': {
    workspace: ({ admin }, { workspace }) =>
      admin.createApiKey({ apiKey: { name: 'x', role: Role.READER, workspace } }),
    owner: ({ admin }, { workspace, userId }) =>
      admin.createApiKey({ apiKey: { name: 'x', role: Role.READER, workspace, userId, teams: ['core'] } }),
  },
  'AdminService/ListApiKeys': { workspace: ({ admin }, { workspace }) => admin.listApiKeys({ workspace }) },
  'AdminService/RevokeApiKey': { id: ({ admin }, { apiKeyId }) => admin.revokeApiKey({ id: apiKeyId }) },
  'AdminService/RotateKeys': { id: ({ admin }, { apiKeyId }) => admin.rotateKeys({ ids: [apiKeyId] }) },
  'AdminService/ListAuditEvents': {
    workspace: ({ admin }, { workspace }) => admin.listAuditEvents({ workspace }),
    token: ({ admin }, { listToken }) => admin.listAuditEvents({ pageToken: listToken }),
  },
  'AdminService/InvalidateCaches': {
    workspace: ({ admin }, { workspace }) => admin.invalidateCaches({ workspace, caches: [Cache.MEMORIES] }),
  },
  // Refused without a word that its content is wanted, so that no test waits for a snapshot.
  'AdminService/CaptureProfile': { nothing: ({ admin }) => admin.captureProfile({ kind: ProfileKind.HEAP }) },
  'AdminService/RotateSealingKeys': { nothing: ({ admin }) => admin.rotateSealingKeys({}) },
  'StatsService/GetStats': { nothing: ({ stats }) => stats.getStats({}) },
  'StatsService/WatchStats': { nothing: ({ stats }) => stats.watchStats({ interval: { seconds: 0n, nanos: 1e8 } }) },
};

/** An id nobody has. */
const ABSENT = '00000000-0000-4000-8000-00000000abcd';
