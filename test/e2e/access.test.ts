import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { declarations } from '../../docs/contract.ts';
import { generateApiKey } from '../../src/server/security/api-key.ts';
import { AdminServiceClient, Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import {
  ConfigServiceService,
  DeleteConfigRequest,
  RevealSecretRequest,
  SetConfigRequest,
} from '../../src/shared/gen/memoryhub/v1/config_service.ts';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { ATTACKS, waysOf } from '../faults/support/attacks.ts';
import { METHODS, pathOf } from '../fuzz/support/contract.ts';
import { rolesIn } from '../support/contract-roles.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';

/** What a caller is refused with for who it is. */
const BY_CREDENTIAL = ['CREDENTIAL_MISSING', 'CREDENTIAL_INVALID', 'CREDENTIAL_EXPIRED', 'ROLE_DENIED'];
/** Long enough for any refusal; calls that are let in may go on, and are left. */
const DEADLINE_MS = 10_000;
const LEAVE_AFTER_MS = 400;

/**
 * Requests of RPCs whose empty request concerns the whole workspace, which they grant to admins only: for
 * one user, the roles are those of the contract.
 */
const OF_A_USER: Readonly<Record<string, Uint8Array>> = {
  [ConfigServiceService.setConfig.path]: SetConfigRequest.encode(
    SetConfigRequest.fromPartial({ setting: { userId: 'mina' } }),
  ).finish(),
  [ConfigServiceService.deleteConfig.path]: DeleteConfigRequest.encode(
    DeleteConfigRequest.fromPartial({ userId: 'mina' }),
  ).finish(),
  [ConfigServiceService.revealSecret.path]: RevealSecretRequest.encode(
    RevealSecretRequest.fromPartial({ userId: 'mina' }),
  ).finish(),
};

const comments = new Map(declarations().map(({ name, comment }) => [name, comment]));

/**
 * Every RPC of the contract, for every role in two workspaces and for every credential that is none. It
 * is made from the descriptors: an RPC that is added is tried, and must say who may call it.
 */
describe('every RPC of the contract', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let client: AdminServiceClient;
  const keys = new Map<string, { readonly role: Role; readonly credential: string }>();
  const bad = new Map<string, { readonly credential: string | undefined; readonly reason: string }>();

  beforeAll(async () => {
    database = await createTestDatabase();
    server = new ServerProcess({ DATABASE_URL: database.url });
    const address = await server.address();
    client = new AdminServiceClient(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const hub = new MemoryHub({ address, credential: server.credential('operator') });
    const make = async (role: Role, workspace: string, fields: object = {}) => {
      const apiKey = { name: 'one of all roles', role, workspace, ...fields };
      return hub.admin.createApiKey({ apiKey });
    };
    for (const workspace of ['one', 'two']) {
      await hub.admin.createWorkspace({ workspace: { name: workspace } });
      for (const role of [Role.READER, Role.WRITER, Role.ADMIN] as const) {
        keys.set(`${role} of ${workspace}`, { role, credential: (await make(role, workspace)).credential });
      }
      const bound = await make(Role.WRITER, workspace, { userId: 'mina', teams: ['alpha'] });
      keys.set(`bound writer of ${workspace}`, { role: Role.WRITER, credential: bound.credential });
    }
    for (const role of [Role.MONITOR, Role.OPERATOR] as const) {
      keys.set(`${role}`, { role, credential: (await make(role, '')).credential });
    }
    const expired = await make(Role.ADMIN, 'one', { ttl: { seconds: 1n, nanos: 0 } });
    const revoked = await make(Role.ADMIN, 'one');
    await hub.admin.revokeApiKey({ id: revoked.apiKey?.id ?? '' });
    const known = [...keys.values()][0]?.credential ?? '';
    bad.set('no key', { credential: undefined, reason: 'CREDENTIAL_MISSING' });
    bad.set('a malformed key', { credential: 'mh_x', reason: 'CREDENTIAL_INVALID' });
    bad.set('an unknown key', { credential: generateApiKey().credential, reason: 'CREDENTIAL_INVALID' });
    const wrong = `${known.slice(0, 20)}${generateApiKey().credential.slice(20)}`;
    bad.set('a wrong secret', { credential: wrong, reason: 'CREDENTIAL_INVALID' });
    bad.set('an expired key', { credential: expired.credential, reason: 'CREDENTIAL_EXPIRED' });
    bad.set('a revoked key', { credential: revoked.credential, reason: 'CREDENTIAL_INVALID' });
    bad.set('a token, where none are taken', { credential: 'a.b.c', reason: 'CREDENTIAL_INVALID' });
    hub.close();
    await sleep(1_100);
  });
  afterAll(async () => {
    client.close();
    await server.cleanUp();
    await database.drop();
  });

  /** Calls with an empty request (or that of OF_A_USER), whatever kind of RPC it is. @returns the reason of a refusal; empty when it was let in */
  function reasonOf(path: string, credential: string | undefined): Promise<string> {
    const metadata = new Metadata();
    if (credential !== undefined) metadata.set('authorization', `Bearer ${credential}`);
    const bytes = (value: Buffer) => value;
    const options = { deadline: Date.now() + DEADLINE_MS };
    return new Promise((resolve) => {
      const call = client.makeBidiStreamRequest(path, bytes, bytes, metadata, options);
      let leaving: NodeJS.Timeout | undefined;
      const end = (reason: string) => {
        clearTimeout(leaving);
        resolve(reason);
        call.cancel();
      };
      // Headers come only after the caller was let in; a refusal has none.
      call.on('metadata', () => {
        leaving = setTimeout(() => end(''), LEAVE_AFTER_MS);
      });
      call.on('data', () => {});
      call.on('error', (error) => end(toRpcError(error).reason || toRpcError(error).codeName));
      call.on('end', () => end(''));
      call.write(Buffer.from(OF_A_USER[path] ?? []));
      call.end();
    });
  }

  it('says for whom it is', () => {
    const silent = METHODS.filter((method) => {
      const roles = rolesIn(comments.get(`${method.parent.typeName}.${method.name}`) ?? '');
      return roles.length === 0 || roles.includes(undefined as never);
    });
    expect(silent.map(pathOf)).toEqual([]);
  });

  it('has an attack for each way in which its request names what may be somebody else’s', () => {
    const needed = METHODS.map((method) => [`${method.parent.name}/${method.name}`, [...waysOf(method.input)].sort()]);
    const tried = Object.entries(ATTACKS).map(([name, ways]) => [name, Object.keys(ways).sort()]);
    expect(Object.fromEntries(tried)).toEqual(Object.fromEntries(needed));
  });

  it.each(METHODS.map((method) => [pathOf(method), method] as const))(
    '%s refuses every bad credential',
    async (path) => {
      const outcomes = [...bad].map(
        async ([name, { credential }]) => [name, await reasonOf(path, credential)] as const,
      );
      const expected = [...bad].map(([name, { reason }]) => [name, reason]);
      expect(await Promise.all(outcomes)).toEqual(expected);
    },
  );

  it.each(METHODS.map((method) => [pathOf(method), method] as const))(
    '%s is open to its roles in both workspaces, and closed to all others',
    async (path, method) => {
      const roles = rolesIn(comments.get(`${method.parent.typeName}.${method.name}`) ?? '');
      const outcomes = [...keys].map(async ([name, { role, credential }]) => {
        const reason = await reasonOf(path, credential);
        expect(['INTERNAL', 'UNIMPLEMENTED'], `${name}: ${reason}`).not.toContain(reason);
        return [name, BY_CREDENTIAL.includes(reason) ? reason : 'let in', role] as const;
      });
      const expected = [...keys].map(([name, { role }]) => [
        name,
        roles.includes(role as never) ? 'let in' : 'ROLE_DENIED',
        role,
      ]);
      expect(await Promise.all(outcomes)).toEqual(expected);
    },
  );
});
