import { afterAll, beforeAll } from 'vitest';
import { type Access, UNBOUND } from '../../src/server/domain/access.ts';
import { ConfigService } from '../../src/server/domain/config/config-service.ts';
import { Role } from '../../src/server/domain/principal.ts';
import { createAdminRepository } from '../../src/server/repository/admin-repository.ts';
import { createSettingRepository } from '../../src/server/repository/setting-repository.ts';
import { configMethods } from '../../src/server/rpc/config/methods.ts';
import { createServer } from '../../src/server/rpc/server.ts';
import { generateApiKey } from '../../src/server/security/api-key.ts';
import { Authenticator } from '../../src/server/security/authenticator.ts';
import { StatsRecorder } from '../../src/server/stats/recorder.ts';
import { SensitiveNames } from '../../src/shared/sensitive-names.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { testDatabase } from '../support/database.ts';
import { openSealing, type SealingUnderTest, SharedKeyring } from '../support/sealing.ts';

type Config = MemoryHub['config'];

/** ConfigService on a socket, over the real chain, keys and database; for a whole file. */
export function configServer() {
  const database = testDatabase();
  const ends: (() => unknown)[] = [];
  const keyring = new SharedKeyring();
  let running: { addresses: string[]; keys: SealingUnderTest; services: ConfigService[] } | undefined;

  beforeAll(async () => {
    const admin = createAdminRepository(database());
    const addresses: string[] = [];
    const services: ConfigService[] = [];
    const keys = await openSealing(database(), keyring);
    // Two processes on one database.
    for (let process = 0; process < 2; process++) {
      const { sealing, audit } = process === 0 ? keys : await openSealing(database(), keyring);
      const service = new ConfigService({
        repository: createSettingRepository(database()),
        names: new SensitiveNames(['pin']),
        sealer: sealing.sealer,
        audit,
      });
      const server = createServer({
        methods: configMethods(service),
        authenticator: new Authenticator(admin),
        recorder: new StatsRecorder(),
        log: { unexpectedError: (path, _callId, _traceId, error) => console.error(path, error) },
      });
      const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
      addresses.push(`127.0.0.1:${port}`);
      services.push(service);
      ends.push(() => server.drain(0));
    }
    running = { addresses, keys, services };
  });
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  });

  const hub = () => {
    if (running === undefined) throw new Error('the server is there only while tests and hooks run');
    return running;
  };
  return {
    database,
    keys: () => hub().keys,
    service: (process: number) => hub().services[process] as ConfigService,
    /** @returns clients of a new workspace */
    async newWorkspace(name: string) {
      const admin = createAdminRepository(database());
      const { id } = await admin.createWorkspace(name, '');
      const withKey = async (role: Role, access: Partial<Access> = {}, process = 0): Promise<Config> => {
        const { id: keyId, secretHash, credential } = generateApiKey();
        await admin.createApiKey({
          id: keyId,
          name: `a ${role}`,
          role,
          workspaceId: id,
          access: { ...UNBOUND, ...access },
          secretHash,
          description: '',
          expireTime: undefined,
        });
        const channel = { 'grpc.use_local_subchannel_pool': 1 };
        const client = new MemoryHub({ address: hub().addresses[process] ?? '', credential, channel });
        ends.push(() => client.close());
        return client.config;
      };
      return { id, withKey, admin: await withKey(Role.ADMIN) };
    },
  };
}
