import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { declarations } from '../../docs/contract.ts';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { type Memory, Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { ExportFormat } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { RpcError } from '../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { plainHub } from '../faults/support/cluster.ts';
import { METHODS } from '../fuzz/support/contract.ts';
import { collect } from '../rpc-memory/harness.ts';
import { rolesIn } from '../support/contract-roles.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';

/** Whose each memory is, by its label, which is its key and content too. */
const OWNERS = {
  ada: { scope: Scope.PERSONAL, userId: 'ada' },
  bob: { scope: Scope.PERSONAL, userId: 'bob' },
  core: { scope: Scope.TEAM, team: 'core' },
  ops: { scope: Scope.TEAM, team: 'ops' },
  shared: { scope: Scope.WORKSPACE },
} as const;
type Label = keyof typeof OWNERS;
const LABELS = Object.keys(OWNERS) as Label[];

/** Keys by what they are bound to, and what they reach. */
const KEYS: Record<string, { readonly userId?: string; readonly teams?: string[]; readonly reaches: Label[] }> = {
  nothing: { reaches: LABELS },
  'a user': { userId: 'ada', reaches: ['ada', 'shared'] },
  'a team': { teams: ['core'], reaches: ['core', 'shared'] },
  'a user and a team': { userId: 'bob', teams: ['core'], reaches: ['bob', 'core', 'shared'] },
  'two teams': { teams: ['ops', 'core'], reaches: ['core', 'ops', 'shared'] },
  'a user and a team that have nothing': { userId: 'core', teams: ['ada'], reaches: ['shared'] },
};

const WRONG_ETAG = '999999';
type World = ReadonlyMap<Label, Memory>;
type Reached = (hub: MemoryHub, world: World) => Promise<string[]>;

/** The labels for which a call finds its memory: it is answered, or refused for a wrong etag. */
function found(call: (hub: MemoryHub, memory: Memory, label: Label) => Promise<unknown>): Reached {
  return async (hub, world) => {
    const reached: Label[] = [];
    for (const [label, memory] of world) {
      try {
        await call(hub, memory, label);
        reached.push(label);
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        if (error.reason === 'ETAG_MISMATCH') reached.push(label);
        else expect(error.reason).toBe('MEMORY_NOT_FOUND');
      }
    }
    return reached;
  };
}

const contents = (memories: readonly { readonly content: string }[]) => memories.map(({ content }) => content);
const target = (id: string) => ({ $case: 'id' as const, value: id });

/** How each RPC of a writer reaches memories, in every way it can. */
const REACHED: Record<string, Record<string, Reached>> = {
  GetMemory: {
    'by id': found(({ memories }, { id }) => memories.getMemory({ target: target(id) })),
    'by id, with its secrets': found(({ memories }, { id }) =>
      memories.getMemory({ target: target(id), revealSensitive: true }),
    ),
    'by key': found(({ memories }, _memory, label) =>
      memories.getMemory({ target: { $case: 'key', value: { key: label, ...OWNERS[label] } } }),
    ),
  },
  BatchGetMemories: {
    'all at once': async ({ memories }, world) =>
      contents((await memories.batchGetMemories({ ids: [...world.values()].map(({ id }) => id) })).memories),
  },
  ListMemories: {
    all: async ({ memories }) => contents((await collect(memories.listMemories({}))).flatMap((page) => page.memories)),
    'by a filter': async ({ memories }) => {
      const filter = 'scope = PERSONAL OR scope = TEAM OR NOT user_id = "nobody"';
      return contents((await collect(memories.listMemories({ filter }))).flatMap((page) => page.memories));
    },
  },
  ExportMemories: {
    all: ({ memories }) => exported(memories, false),
    'with their secrets': ({ memories }) => exported(memories, true),
  },
  ListRevisions: {
    'by id': found(({ memories }, { id }) => collect(memories.listRevisions({ memoryId: id }))),
  },
  GetRevision: { 'by id': found(({ memories }, { id }) => memories.getRevision({ memoryId: id, revision: 1n })) },
  GetStorageInfo: {
    'counted by team, and in all': async ({ memories }, world) => {
      const info = await memories.getStorageInfo({});
      const teams = info.byTeam.map(({ name }) => name);
      // Which others were counted can only be told by how many there are.
      const others = [...world.keys()].filter((label) => OWNERS[label].scope !== Scope.TEAM);
      return [...teams, `and ${Number(info.memories) - teams.length} of ${others.length} others`];
    },
  },
  SaveMemory: {
    'by id': found(({ memories }, { id, content }) =>
      memories.saveMemory({ memory: { id, etag: WRONG_ETAG, content } }),
    ),
    'by key': found(({ memories }, { key, content }, label) =>
      memories.saveMemory({ memory: { key, ...OWNERS[label], etag: WRONG_ETAG, content } }),
    ),
  },
  UpdateMemory: {
    'by id': found(({ memories }, { id, content }) =>
      memories.updateMemory({ memory: { id, etag: WRONG_ETAG, content } }),
    ),
  },
  DeleteMemory: { 'by id': found(({ memories }, { id }) => memories.deleteMemory({ id, etag: WRONG_ETAG })) },
  RestoreMemory: {
    'by id': found(({ memories }, { id }) => memories.restoreMemory({ id, revision: 1n, etag: WRONG_ETAG })),
  },
  BatchSaveMemories: {
    'by id': found(({ memories }, { id, content }) =>
      memories.batchSaveMemories({ memories: [{ id, etag: WRONG_ETAG, content }] }),
    ),
  },
  BatchDeleteMemories: {
    'by id': found(({ memories }, { id }) => memories.batchDeleteMemories({ targets: [{ id, etag: WRONG_ETAG }] })),
  },
};

/** RPCs of a writer that reach no memory; what they reach of settings is held in test/rpc-config. */
const NO_MEMORIES = [
  'ListStorages',
  'GetConfig',
  'SetConfig',
  'DeleteConfig',
  'ListConfig',
  'RevealSecret',
  'ListConfigHistory',
];

async function exported(memories: MemoryHub['memories'], revealSensitive: boolean): Promise<string[]> {
  const events = await collect(memories.exportMemories({ format: ExportFormat.JSONL, revealSensitive }));
  const text = events.flatMap(({ event }) => (event?.$case === 'chunk' ? [event.value.data] : []));
  const lines = Buffer.concat(text).toString().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line).content as string);
}

describe('a key that is bound to', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  const hubs = new Map<string, MemoryHub>();
  const world = new Map<Label, Memory>();

  beforeAll(async () => {
    database = await createTestDatabase();
    server = new ServerProcess({ DATABASE_URL: database.url });
    const address = await server.address();
    const admin = await server.connect();
    for (const [bound, { reaches: _, ...access }] of Object.entries(KEYS)) {
      const apiKey = { name: `bound to ${bound}`, role: Role.WRITER, ...access };
      hubs.set(bound, plainHub(address, (await admin.admin.createApiKey({ apiKey })).credential));
    }
    for (const label of LABELS) {
      const memory = { key: label, content: label, metadata: { api_key: `secret of ${label}` }, ...OWNERS[label] };
      world.set(label, await admin.memories.saveMemory({ memory }));
    }
    hubs.set('admin', admin);
  });
  afterAll(async () => {
    for (const hub of hubs.values()) hub.close();
    await server.cleanUp();
    await database.drop();
  });

  it('something is tried with every RPC a writer may call', () => {
    const comments = new Map(declarations().map(({ name, comment }) => [name, comment]));
    const ofWriters = METHODS.filter(({ parent, name }) =>
      rolesIn(comments.get(`${parent.typeName}.${name}`) ?? '').includes(Role.WRITER),
    );
    expect([...Object.keys(REACHED), ...NO_MEMORIES].toSorted()).toEqual(ofWriters.map(({ name }) => name).toSorted());
  });

  const cases = Object.entries(REACHED).flatMap(([rpc, ways]) =>
    Object.entries(ways).map(([way, reached]) => ({ rpc, way, reached })),
  );
  describe.each(Object.entries(KEYS))('%s', (bound, { reaches }) => {
    it.each(cases)('reaches its own and what all share by $rpc, $way', async ({ rpc, reached }) => {
      const hub = hubs.get(bound) ?? expect.unreachable();
      const expected: string[] = reaches.toSorted();
      if (rpc === 'GetStorageInfo') {
        const teams = expected.filter((label) => label === 'core' || label === 'ops');
        expected.splice(0, Infinity, ...teams, `and ${reaches.length - teams.length} of 3 others`);
      }
      expect((await reached(hub, world)).toSorted()).toEqual(expected.toSorted());
    });
  });

  it('anything leaves all as it was', async () => {
    const admin = hubs.get('admin') ?? expect.unreachable();
    for (const { id, etag } of world.values())
      expect(await admin.memories.getMemory({ target: target(id) })).toMatchObject({ etag });
  });
});
