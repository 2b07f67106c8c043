import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { TestIssuer } from '../security/support/issuer.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runCommand, ServerProcess } from '../support/server-process.ts';

describe('a server that takes tokens of an issuer', () => {
  let issuer: TestIssuer;
  let database: TestDatabase;
  let server: ServerProcess;
  let address: string;
  const hubs: MemoryHub[] = [];
  const as = (credential: string) => {
    const hub = new MemoryHub({ address, credential, channel: { 'grpc.use_local_subchannel_pool': 1 } });
    hubs.push(hub);
    return hub;
  };
  const reasonOf = (call: Promise<unknown>) =>
    call.then(
      () => 'answered',
      (error) => toRpcError(error).reason,
    );

  beforeAll(async () => {
    issuer = await TestIssuer.start();
    database = await createTestDatabase();
    server = new ServerProcess({
      DATABASE_URL: database.url,
      MEMORYHUB_OIDC_ISSUER: issuer.url,
      MEMORYHUB_OIDC_AUDIENCE: 'memory-hub',
      MEMORYHUB_OIDC_TEAMS_CLAIM: 'groups',
    });
    address = await server.address();
  });
  afterAll(async () => {
    for (const hub of hubs) hub.close();
    await server.cleanUp();
    await database.drop();
    await issuer.stop();
  });
  const token = (claims = {}) => issuer.sign({ memoryhub_workspace: 'default', ...claims });

  it('writes its subject down as the author, and keeps it to its user and teams', async () => {
    const mina = as(await token({ groups: ['alpha'] }));
    const bob = as(await token({ sub: 'bob' }));
    const own = await mina.memories.saveMemory({ memory: { content: 'likes tea' } });
    expect(own).toMatchObject({ author: 'mina', scope: Scope.PERSONAL, userId: 'mina' });
    const team = await mina.memories.saveMemory({ memory: { content: 'ship it', scope: Scope.TEAM, team: 'alpha' } });
    for (const { id } of [own, team]) {
      expect(await reasonOf(bob.memories.getMemory({ target: { $case: 'id', value: id } }))).toBe('MEMORY_NOT_FOUND');
    }
    const elsewhere = { content: 'x', scope: Scope.PERSONAL, userId: 'bob' };
    expect(await reasonOf(mina.memories.saveMemory({ memory: elsewhere }))).not.toBe('answered');
    for await (const { revisions } of mina.memories.listRevisions({ memoryId: own.id })) {
      expect(revisions.map(({ author }) => author)).toEqual(['mina']);
    }
  });

  it('gives it the role it says, and no other', async () => {
    const reader = as(await token({ memoryhub_role: 'reader' }));
    expect(await reasonOf(reader.memories.saveMemory({ memory: { content: 'x' } }))).toBe('ROLE_DENIED');
    const admin = as(await token({ memoryhub_role: 'admin', sub: 'anna' }));
    await admin.admin.createApiKey({ apiKey: { name: 'by token', role: 1 } });
    for await (const { events } of admin.admin.listAuditEvents({ actor: 'anna' })) {
      expect(events).toMatchObject([{ actor: 'anna', keyId: 'oidc:anna', action: 'CreateApiKey' }]);
    }
    const operator = as(await token({ memoryhub_role: 'operator' }));
    expect(await reasonOf(operator.memories.getStorageInfo({}))).toBe('ROLE_DENIED');
    expect((await operator.stats.getStats({})).totals).toBeDefined();
  });

  it('ends its open streams when it ends', async () => {
    const exp = Math.floor(Date.now() / 1000) + 3;
    const monitor = as(await token({ memoryhub_role: 'monitor', exp }));
    const frames = async () => {
      for await (const frame of monitor.stats.watchStats({ interval: { seconds: 0n, nanos: 2e8 } })) void frame;
      return 'ended';
    };
    expect(await frames().catch((error) => toRpcError(error).reason)).toBe('CREDENTIAL_EXPIRED');
    expect(Date.now() / 1000 - exp).toBeLessThan(5);
    expect(await reasonOf(monitor.stats.getStats({}))).toBe('CREDENTIAL_EXPIRED');
  });

  it('goes on taking keys, tokens in the CLI, and nothing else', async () => {
    const hub = await server.connect();
    hubs.push(hub);
    expect((await hub.memories.getStorageInfo({})).memories).toBeGreaterThanOrEqual(0n);
    const env = { MEMORYHUB_ADDRESS: address, MEMORYHUB_API_KEY: await token() };
    expect((await runCommand(['save', 'by token', '--json'], { env })).stdout).toContain('"author":"mina"');
    expect(await reasonOf(as(await token({ aud: 'x' })).memories.getStorageInfo({}))).toBe('CREDENTIAL_INVALID');
  });
});

it.each([
  [{ MEMORYHUB_OIDC_ISSUER: 'https://issuer.example' }, 'MEMORYHUB_OIDC_AUDIENCE'],
  [{ MEMORYHUB_OIDC_ISSUER: 'http://issuer.example', MEMORYHUB_OIDC_AUDIENCE: 'a' }, 'MEMORYHUB_OIDC_ISSUER'],
  [
    { MEMORYHUB_OIDC_ISSUER: 'https://i.example', MEMORYHUB_OIDC_AUDIENCE: 'a', MEMORYHUB_OIDC_KEYS: '/no/such/file' },
    'MEMORYHUB_OIDC_KEYS',
  ],
  [{ MEMORYHUB_OIDC_ROLES: 'admins=root' }, 'MEMORYHUB_OIDC_ROLES'],
  [{ MEMORYHUB_OIDC_KEYS: 'http://keys.example/keys' }, 'MEMORYHUB_OIDC_KEYS'],
])('a server does not start with %j', async (settings, named) => {
  const { code, stderr } = await runCommand(['config', 'check'], { env: settings });
  expect(code).not.toBe(0);
  expect(stderr).toContain(named);
});
