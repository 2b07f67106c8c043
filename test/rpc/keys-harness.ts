import { randomBytes } from 'node:crypto';
import { credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll } from 'vitest';
import type { Database } from '../../src/server/database/database.ts';
import { UNBOUND } from '../../src/server/domain/access.ts';
import type { AdminRepository, NewKey } from '../../src/server/domain/admin-repository.ts';
import { AdminService } from '../../src/server/domain/admin-service.ts';
import { AuditTrail } from '../../src/server/domain/audit-trail.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { GenerationPoller } from '../../src/server/generation-poller.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { createAuditRepository } from '../../src/server/repository/audit-repository.ts';
import { adminMethods } from '../../src/server/rpc/admin/methods.ts';
import { createServer, type RpcServer } from '../../src/server/rpc/server.ts';
import { generateApiKey } from '../../src/server/security/api-key.ts';
import { Authenticator } from '../../src/server/security/authenticator.ts';
import { KeyUses } from '../../src/server/security/key-uses.ts';
import { RefusedAccess } from '../../src/server/security/refused-access.ts';
import { TokenSealer } from '../../src/server/security/token-sealer.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import { AdminServiceClient } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { testDatabase } from '../support/database.ts';
import { openSealing } from '../support/sealing.ts';
import { stream } from './harness.ts';

/** AdminService behind the real chain, keys, poller and database. */
export interface KeyServer {
  readonly repository: AdminRepository;
  readonly uses: KeyUses;
  readonly refusals: RefusedAccess;
  readonly database: Database;
  readonly server: RpcServer;
  readonly address: string;
  /** The id of the workspace "one". */
  readonly one: number;
  /** A credential for a key made past the server. */
  newKey(key?: Partial<NewKey>): Promise<{ id: string; credential: string }>;
  /** All services, called with this credential. */
  hub(credential: string): MemoryHub;
  /** A stream that goes on until it is ended; resolves with the reason, and how long after the call. */
  watch(credential: string): Promise<{ reason: string; afterMs: number }>;
}

/** For a whole file, with the timing of production but for a faster look at open streams. */
export function keyServer(): () => KeyServer {
  const database = testDatabase();
  const ends: (() => unknown)[] = [];
  let running: KeyServer | undefined;
  beforeAll(async () => {
    const repository = createAdminRepository(database());
    const poller = new GenerationPoller(repository);
    await poller.start();
    const uses = new KeyUses(repository, (error) => {
      throw error;
    });
    const authenticator = new Authenticator(repository, { clock: poller, used: (id) => uses.note(id) });
    poller.listen({
      polled: (generations, at) => authenticator.generationsPolled(generations, at),
      databaseUp: () => {},
    });
    const open = stream('Watch', async function* (call) {
      yield call.keyId;
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
    });
    const audit = createAuditRepository(database());
    const refusals = new RefusedAccess(audit, (error) => {
      throw error;
    });
    const service = new AdminService(repository, generateApiKey, poller);
    const server = createServer({
      methods: [
        ...adminMethods(
          service,
          new AuditTrail(audit, service, new TokenSealer(randomBytes(32))),
          (await openSealing(database())).rotation,
          undefined as never,
        ),
        open,
      ],
      authenticator,
      recorder: new StatsRecorder(),
      refusals,
      log: { unexpectedError: () => {} },
    });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const address = `127.0.0.1:${port}`;
    ends.push(
      () => server.drain(0),
      () => poller.stop(),
    );
    const { id: one } = await repository.createWorkspace('one', '');
    const hub: KeyServer['hub'] = (credential) => {
      const made = new MemoryHub({ address, credential, channel: { 'grpc.use_local_subchannel_pool': 1 } });
      ends.push(() => made.close());
      return made;
    };
    running = {
      repository,
      uses,
      refusals,
      database: database(),
      server,
      address,
      one,
      hub,
      newKey: async (key = {}) => {
        const { id, secretHash, credential } = generateApiKey();
        const base = { id, secretHash, name: 'a key', role: Role.ADMIN, workspaceId: one, access: UNBOUND };
        await repository.createApiKey({ ...base, ...key });
        return { id, credential };
      },
      watch: (credential) => watchUntilEnded(address, credential),
    };
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });
  return () => {
    if (running === undefined) throw new Error('the server is there only while tests and hooks run');
    return running;
  };
}

function watchUntilEnded(address: string, credential: string): Promise<{ reason: string; afterMs: number }> {
  const client = new AdminServiceClient(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${credential}`);
  const bytes = (value: Buffer) => value;
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const call = client.makeServerStreamRequest('/test.Wire/Watch', bytes, bytes, Buffer.alloc(0), metadata);
    call.on('data', () => {});
    call.on('error', (error: Error & { metadata: Metadata }) => {
      client.close();
      const details = String(error.metadata.get('grpc-status-details-bin')[0]);
      resolve({ reason: /[A-Z]{4,}_[A-Z_]+/.exec(details)?.[0] ?? '', afterMs: performance.now() - startedAt });
    });
  });
}
