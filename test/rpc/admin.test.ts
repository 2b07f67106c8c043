import { credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UNBOUND } from '../../src/server/domain/access.ts';
import type { AdminRepository, ApiKey as StoredKey } from '../../src/server/domain/admin-repository.ts';
import { AdminService } from '../../src/server/domain/admin-service.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { inMessages } from '../../src/server/rpc/admin/messages.ts';
import { adminMethods } from '../../src/server/rpc/admin/methods.ts';
import { generateApiKey, parseApiKey } from '../../src/server/security/api-key.ts';
import { Authenticator } from '../../src/server/security/authenticator.ts';
import {
  AdminServiceClient,
  ApiKey,
  Cache,
  type CreateApiKeyRequest,
  type CreateApiKeyResponse,
  type CreateWorkspaceRequest,
  type InvalidateCachesRequest,
  type InvalidateCachesResponse,
  ListApiKeysResponse,
  type ListWorkspacesResponse,
  type RevokeApiKeyRequest,
  Role,
  type Workspace,
} from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { testDatabase } from '../support/database.ts';
import { openSealing } from '../support/sealing.ts';
import { open, Refusal, readAll, refusalOf, start, stream, type TestServer } from './harness.ts';

const database = testDatabase();
let repository: AdminRepository;
let operator: string;
let admin: string;
let otherAdmin: string;
let writer: string;
let server: TestServer;
let client: AdminServiceClient;

async function makeKey(role: Role, workspaceId: number): Promise<string> {
  const { id, secretHash, credential } = generateApiKey();
  await repository.createApiKey({
    id,
    name: `key of ${role}`,
    role: role as StoredKey['role'],
    workspaceId,
    access: UNBOUND,
    secretHash,
  });
  return credential;
}

beforeAll(async () => {
  repository = createAdminRepository(database());
  const one = await repository.createWorkspace('one', 'the first');
  const two = await repository.createWorkspace('two', '');
  operator = await makeKey(Role.OPERATOR, 0);
  admin = await makeKey(Role.ADMIN, one.id);
  otherAdmin = await makeKey(Role.ADMIN, two.id);
  writer = await makeKey(Role.WRITER, one.id);
});

beforeEach(async () => {
  const methods = [
    ...adminMethods(
      new AdminService(repository, generateApiKey, { now: () => Date.now() * 1000 }),
      undefined as never,
      (await openSealing(database())).rotation,
      undefined as never,
    ),
    stream('Watch', async function* (call) {
      yield call.keyId;
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
    }),
  ];
  const authenticator = new Authenticator(repository, { freshMs: 100 });
  server = await start(methods, { authenticator, limits: { credentialRecheckMs: 50 } });
  client = new AdminServiceClient(`127.0.0.1:${server.port}`, credentials.createInsecure());
});

afterEach(() => client.close());

function as(credential: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${credential}`);
  return metadata;
}

/** Request and answer of the unary RPCs. */
interface Unary {
  createWorkspace: [CreateWorkspaceRequest, Workspace];
  createApiKey: [CreateApiKeyRequest, CreateApiKeyResponse];
  revokeApiKey: [RevokeApiKeyRequest, ApiKey];
  invalidateCaches: [InvalidateCachesRequest, InvalidateCachesResponse];
}

type Stub = (
  request: unknown,
  metadata: Metadata,
  done: (error: ConstructorParameters<typeof Refusal>[0] | null, response: never) => void,
) => unknown;

/** Calls a generated stub. */
function ask<Name extends keyof Unary>(name: Name, request: Unary[Name][0], credential: string) {
  return new Promise<Unary[Name][1]>((resolve, reject) => {
    (client[name] as unknown as Stub).call(client, request, as(credential), (error, response) => {
      if (error) reject(new Refusal(error));
      else resolve(response);
    });
  });
}

async function refused<Name extends keyof Unary>(name: Name, request: Unary[Name][0], credential: string) {
  const refusal = await refusalOf(ask(name, request, credential));
  return { reason: refusal.reason?.replace('memoryhub/', ''), violations: refusal.violations, info: refusal.info };
}

function wanted(fields: Partial<ApiKey>): CreateApiKeyRequest {
  const none = { id: '', name: 'a key', role: Role.READER, workspace: '', userId: '', teams: [] };
  return { apiKey: ApiKey.fromPartial({ ...none, ...fields }) };
}

async function listKeys(credential: string, workspace = ''): Promise<ApiKey[]> {
  const keys: ApiKey[] = [];
  const messages = client.listApiKeys({ workspace }, as(credential)) as AsyncIterable<ListApiKeysResponse>;
  for await (const { apiKeys } of messages) keys.push(...apiKeys);
  return keys;
}

describe('CreateWorkspace', () => {
  const workspace = (name: string, description = '') => ({ workspace: { name, description, createTime: undefined } });

  it('makes a workspace, once', async () => {
    const made = await ask('createWorkspace', workspace('three', 'the third'), operator);
    expect(made).toMatchObject({ name: 'three', description: 'the third' });
    expect(Number(made.createTime?.seconds)).toBeGreaterThan(1_600_000_000);
    expect(await refused('createWorkspace', workspace('three'), operator)).toMatchObject({
      reason: 'WORKSPACE_EXISTS',
    });
  });

  it.each([
    ['', 'is 0 bytes; at least 1 are needed'],
    ['x'.repeat(65), 'is 65 bytes; at most 64 are allowed'],
    ['가'.repeat(22), 'is 66 bytes; at most 64 are allowed'],
    ['a\nb', 'has a control character at character 2'],
    [' a', 'begins or ends with white space'],
  ])('refuses the name %j', async (name, description) => {
    const refusal = await refused('createWorkspace', workspace(name), operator);
    expect(refusal).toMatchObject({ reason: 'INVALID_FIELD', violations: [{ field: 'workspace.name', description }] });
  });

  it('refuses a description over its limit, and a request without a workspace', async () => {
    const long = await refused('createWorkspace', workspace('ok', 'x'.repeat(257)), operator);
    expect(long.violations[0]).toEqual({
      field: 'workspace.description',
      description: 'is 257 bytes; at most 256 are allowed',
    });
    expect((await refused('createWorkspace', { workspace: undefined }, operator)).reason).toBe('INVALID_FIELD');
  });

  it('is for operators', async () => {
    expect(await refused('createWorkspace', workspace('four'), admin)).toMatchObject({
      reason: 'ROLE_DENIED',
      info: { role: 'admin', needed: 'operator' },
    });
  });
});

describe('ListWorkspaces', () => {
  it('streams them by name', async () => {
    const names: string[] = [];
    for await (const { workspaces } of client.listWorkspaces(
      {},
      as(operator),
    ) as AsyncIterable<ListWorkspacesResponse>) {
      names.push(...workspaces.map(({ name }) => name));
    }
    expect(names).toEqual(expect.arrayContaining(['one', 'two']));
    expect(names).toEqual([...names].sort());
  });
});

describe('CreateApiKey', () => {
  it('makes a key that works at once, and shows its secret once', async () => {
    const request = wanted({ name: 'writer of alpha', role: Role.WRITER, userId: 'u1', teams: ['alpha', 'beta'] });
    const { apiKey, credential } = await ask('createApiKey', request, admin);
    expect(apiKey).toMatchObject({
      name: 'writer of alpha',
      role: Role.WRITER,
      workspace: 'one',
      userId: 'u1',
      teams: ['alpha', 'beta'],
    });
    expect(parseApiKey(credential)?.id).toBe(apiKey?.id);
    const { messages } = await readAll(
      open(server, 'Watch', '', { headers: { authorization: `Bearer ${credential}` }, deadline: Date.now() + 200 }),
    );
    expect(messages).toEqual([apiKey?.id]);
    const stored = await repository.findApiKey(apiKey?.id ?? '');
    expect(JSON.stringify(stored)).not.toContain(parseApiKey(credential)?.secret);
  });

  it('by an operator is for any workspace, monitors and operators included', async () => {
    const key = await ask('createApiKey', wanted({ role: Role.ADMIN, workspace: 'two' }), operator);
    expect(key.apiKey).toMatchObject({ workspace: 'two', role: Role.ADMIN });
    for (const role of [Role.MONITOR, Role.OPERATOR]) {
      expect((await ask('createApiKey', wanted({ role }), operator)).apiKey).toMatchObject({
        workspace: '',
        role,
      });
    }
  });

  it('by an admin is for its own workspace only, and others do not exist', async () => {
    expect((await ask('createApiKey', wanted({ workspace: 'one' }), admin)).apiKey?.workspace).toBe('one');
    const other = await refused('createApiKey', wanted({ workspace: 'two' }), admin);
    const none = await refused('createApiKey', wanted({ workspace: 'none' }), admin);
    expect(other.reason).toBe('WORKSPACE_NOT_FOUND');
    expect(other).toEqual(none);
  });

  it.each([Role.MONITOR, Role.OPERATOR])('by an admin is not of role %i', async (role) => {
    expect(await refused('createApiKey', wanted({ role }), admin)).toMatchObject({ reason: 'ROLE_DENIED' });
  });

  it('in a workspace that does not exist is refused', async () => {
    const refusal = await refused('createApiKey', wanted({ workspace: 'none' }), operator);
    expect(refusal.reason).toBe('WORKSPACE_NOT_FOUND');
  });

  it.each([
    [{ name: '' }, 'api_key.name', 'is 0 bytes; at least 1 are needed'],
    [{ name: 'x'.repeat(129) }, 'api_key.name', 'is 129 bytes; at most 128 are allowed'],
    [{ role: Role.UNSPECIFIED }, 'api_key.role', 'is 0; a key needs one of the roles 1 to 5'],
    [{ role: 99 as Role }, 'api_key.role', 'is 99; a key needs one of the roles 1 to 5'],
    [{ userId: 'x'.repeat(129) }, 'api_key.user_id', 'is 129 bytes; at most 128 are allowed'],
    [{ teams: ['a', ''] }, 'api_key.teams[1]', 'is empty'],
    [{ teams: ['a', 'a'] }, 'api_key.teams[1]', 'is named twice'],
    [
      { teams: Array.from({ length: 65 }, (_, index) => `t${index}`) },
      'api_key.teams',
      'is 65 teams; at most 64 are allowed',
    ],
    [{ role: Role.ADMIN, userId: 'u' }, 'api_key.user_id', 'an admin key is bound to no user and no team'],
  ] as [Partial<ApiKey>, string, string][])('refuses %j', async (fields, field, description) => {
    const refusal = await refused('createApiKey', wanted(fields), admin);
    expect(refusal).toMatchObject({ reason: 'INVALID_FIELD', violations: [{ field, description }] });
  });

  it.each([
    [{ role: Role.READER }, 'api_key.workspace'],
    [{ role: Role.MONITOR, workspace: 'one' }, 'api_key.workspace'],
    [{ role: Role.OPERATOR, teams: ['a'] }, 'api_key.user_id'],
  ] as [Partial<ApiKey>, string][])('by an operator refuses %j', async (fields, field) => {
    expect((await refused('createApiKey', wanted(fields), operator)).violations[0]?.field).toBe(field);
  });

  it('is not for writers', async () => {
    expect((await refused('createApiKey', wanted({}), writer)).reason).toBe('ROLE_DENIED');
  });
});

describe('ListApiKeys', () => {
  it('shows an admin its own workspace, an operator what it asks for', async () => {
    const own = await listKeys(admin);
    expect(new Set(own.map(({ workspace }) => workspace))).toEqual(new Set(['one']));
    expect(own.map(({ id }) => id)).toEqual(own.map(({ id }) => id).sort());
    expect(new Set((await listKeys(operator, 'two')).map(({ workspace }) => workspace))).toEqual(new Set(['two']));
    const all = await listKeys(operator);
    expect(new Set(all.map(({ workspace }) => workspace))).toEqual(new Set(['', 'one', 'two']));
  });

  it('of a name that cannot be one is refused as a workspace that does not exist', async () => {
    const outcome = await listKeys(operator, 'x\u0000').then(String, (error) => new Refusal(error).reason);
    expect(outcome).toBe('memoryhub/WORKSPACE_NOT_FOUND');
  });

  it('of another workspace is refused as one that does not exist', async () => {
    const outcomes = await Promise.all(
      ['two', 'none'].map((workspace) => listKeys(admin, workspace).then(String, (error) => new Refusal(error).reason)),
    );
    expect(outcomes).toEqual(['memoryhub/WORKSPACE_NOT_FOUND', 'memoryhub/WORKSPACE_NOT_FOUND']);
  });
});

describe('the messages of a list', () => {
  it('are of few bytes, however long the rows, and lose none', () => {
    const teams = Array.from({ length: 64 }, (_, index) => String(index).padStart(128, 't'));
    const keys = Array.from({ length: 300 }, (_, index) => ApiKey.fromPartial({ id: `key ${index}`, teams }));
    const messages = [...inMessages(keys, ApiKey)];
    expect(messages.flat()).toEqual(keys);
    const sizes = messages.map((apiKeys) => ListApiKeysResponse.encode({ apiKeys }).finish().byteLength);
    expect(Math.max(...sizes)).toBeLessThan(256 * 1024);
    expect(messages.length).toBeLessThan(30);
    expect([...inMessages([], ApiKey)]).toEqual([]);
  });
});

describe('RevokeApiKey', () => {
  it('ends a key for calls and for open streams, and can be repeated', async () => {
    const { apiKey, credential } = await ask('createApiKey', wanted({}), admin);
    const id = apiKey?.id ?? '';
    const headers = { authorization: `Bearer ${credential}` };
    const watched = readAll(open(server, 'Watch', '', { headers }));
    const first = await ask('revokeApiKey', { id }, admin);
    expect(first.revokeTime).toBeDefined();
    expect((await watched).refusal?.reason).toBe('memoryhub/CREDENTIAL_INVALID');
    const { refusal } = await readAll(open(server, 'Watch', '', { headers }));
    expect(refusal?.reason).toBe('memoryhub/CREDENTIAL_INVALID');
    expect(await ask('revokeApiKey', { id }, admin)).toEqual(first);
    expect((await listKeys(admin)).find((key) => key.id === id)?.revokeTime).toEqual(first.revokeTime);
  });

  it('raises the generation that every process polls', async () => {
    const { apiKey } = await ask('createApiKey', wanted({}), admin);
    const before = await repository.pollGenerations();
    await ask('revokeApiKey', { id: apiKey?.id ?? '' }, admin);
    expect((await repository.pollGenerations()).authentication).toBeGreaterThan(before.authentication);
  });

  it('of a key elsewhere, or of the server, is refused as one that does not exist', async () => {
    const elsewhere = parseApiKey(otherAdmin)?.id ?? '';
    const ofServer = parseApiKey(operator)?.id ?? '';
    const refusals = await Promise.all(
      [elsewhere, ofServer, '0000000000000000', '', 'x\u0000'].map((id) => refused('revokeApiKey', { id }, admin)),
    );
    for (const refusal of refusals) expect(refusal).toEqual({ reason: 'API_KEY_NOT_FOUND', violations: [], info: {} });
    expect((await repository.findApiKey(elsewhere))?.revokeTime).toBeUndefined();
  });

  it('by an operator is for any key', async () => {
    const { apiKey } = await ask('createApiKey', wanted({}), otherAdmin);
    expect((await ask('revokeApiKey', { id: apiKey?.id ?? '' }, operator)).workspace).toBe('two');
  });
});

const ALL_CACHES = [Cache.MEMORIES, Cache.AUTHENTICATION, Cache.STORAGE_INFO, Cache.CONFIGURATION, Cache.SEALING];

describe('InvalidateCaches', () => {
  const generations = async () => {
    const { epochs, authentication, storageInfo, configuration, sealing } = await repository.pollGenerations();
    const ids = await Promise.all(['one', 'two'].map(async (name) => (await repository.findWorkspace(name))?.id ?? 0));
    return [...ids.map((id) => epochs.get(id) ?? 0), authentication, storageInfo, configuration, sealing];
  };

  it.each([
    ['an admin', () => admin, [], '', [Cache.MEMORIES], [1, 0, 0, 0, 0, 0]],
    ['an admin', () => admin, [Cache.MEMORIES], 'one', [Cache.MEMORIES], [1, 0, 0, 0, 0, 0]],
    ['an operator', () => operator, [], '', ALL_CACHES, [1, 1, 1, 1, 1, 1]],
    ['an operator', () => operator, [Cache.SEALING], '', [Cache.SEALING], [0, 0, 0, 0, 0, 1]],
    ['an operator', () => operator, [Cache.MEMORIES], 'two', [Cache.MEMORIES], [0, 1, 0, 0, 0, 0]],
    [
      'an operator',
      () => operator,
      [Cache.STORAGE_INFO, Cache.AUTHENTICATION],
      '',
      [Cache.AUTHENTICATION, Cache.STORAGE_INFO],
      [0, 0, 1, 1, 0, 0],
    ],
  ] as const)('by %s empties what it should (%#)', async (_who, credential, caches, workspace, emptied, steps) => {
    const before = await generations();
    const answer = await ask('invalidateCaches', { caches: [...caches], workspace }, credential());
    expect(answer.caches).toEqual(emptied);
    const after = await generations();
    expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual(steps);
  });

  it('by an admin reaches neither the server’s caches nor other workspaces', async () => {
    const before = await generations();
    const cases: [Cache[], string, string][] = [
      [[Cache.AUTHENTICATION], '', 'ROLE_DENIED'],
      [[Cache.MEMORIES, Cache.STORAGE_INFO], '', 'ROLE_DENIED'],
      [[Cache.MEMORIES], 'two', 'WORKSPACE_NOT_FOUND'],
      [[Cache.MEMORIES], 'none', 'WORKSPACE_NOT_FOUND'],
      [[99 as Cache], '', 'INVALID_FIELD'],
    ];
    for (const [caches, workspace, reason] of cases) {
      expect((await refused('invalidateCaches', { caches, workspace }, admin)).reason).toBe(reason);
    }
    expect(await generations()).toEqual(before);
  });

  it('of a workspace that does not exist empties nothing', async () => {
    const before = await generations();
    expect((await refused('invalidateCaches', { caches: [], workspace: 'none' }, operator)).reason).toBe(
      'WORKSPACE_NOT_FOUND',
    );
    expect(await generations()).toEqual(before);
  });
});
