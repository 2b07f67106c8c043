import { connect } from 'node:http2';
import type { DescMessage } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AdminServiceService as Admin,
  CreateApiKeyRequest,
  Role,
  RotateKeysRequest,
} from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import {
  ConfigServiceService as Config,
  ExportConfigRequest,
  GetConfigRequest,
  RevealSecretRequest,
} from '../../src/shared/gen/memoryhub/v1/config_service.ts';
import {
  ExportMemoriesRequest,
  GetMemoryRequest,
  MemoryServiceService as Memories,
} from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { METHODS, pathOf } from '../fuzz/support/contract.ts';
import { frame } from '../rpc/harness.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';

/** So long that any answer with it would be compressed. */
const TEXT = 'chosen by whom it pleases '.repeat(60);
const SECRET = 'hush-'.repeat(300);

const apiKey = { name: 'x', role: Role.READER, description: TEXT.slice(0, 250), teams: teamsOf(10) };

function teamsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index} ${TEXT.slice(0, 90)}`);
}

/** Whether a message has a field of this name, at any depth. */
function hasField(message: DescMessage, name: string, seen = new Set<DescMessage>()): boolean {
  if (seen.has(message)) return false;
  seen.add(message);
  return message.fields.some(
    (field) => field.name === name || (field.message !== undefined && hasField(field.message, name, seen)),
  );
}

/** RPCs that can answer with a secret in clear: who asks says so, or is given a credential. */
const IN_CLEAR = METHODS.filter(
  ({ name, input, output }) =>
    hasField(input, 'reveal_sensitive') || hasField(output, 'credential') || name.startsWith('Reveal'),
).map(pathOf);

describe('answers with secrets in clear', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let address: string;
  let keyId: string;
  let memoryId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = new ServerProcess({ DATABASE_URL: database.url });
    address = await server.address();
    const hub = await server.connect();
    const { admin, memories, config } = hub;
    keyId = (await admin.createApiKey({ apiKey })).apiKey?.id ?? '';
    memoryId = (await memories.saveMemory({ memory: { content: TEXT, metadata: { api_key: SECRET } } })).id;
    await config.setConfig({ setting: { name: 'mail', value: { text: TEXT, password: SECRET } } });
    hub.close();
  });
  afterAll(async () => {
    await server.cleanUp();
    await database.drop();
  });

  /** The flags of the messages of an answer as they come over the wire, and all their bytes. */
  function ask(path: string, request: Uint8Array): Promise<{ flags: number[]; bytes: Buffer }> {
    return new Promise((resolve, reject) => {
      const session = connect(`http://${address}`);
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
        'grpc-accept-encoding': 'identity,gzip',
        authorization: `Bearer ${server.credential()}`,
      });
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('error', reject);
      stream.on('close', () => {
        session.close();
        const bytes = Buffer.concat(parts);
        const flags: number[] = [];
        for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) flags.push(bytes[at] ?? -1);
        resolve({ flags, bytes });
      });
      stream.end(frame(Buffer.from(request)));
    });
  }

  const target = () => ({ $case: 'id' as const, value: memoryId });
  const asked: Record<string, (reveal: boolean) => Uint8Array> = {
    [Memories.getMemory.path]: (revealSensitive) =>
      GetMemoryRequest.encode(GetMemoryRequest.fromPartial({ target: target(), revealSensitive })).finish(),
    [Memories.exportMemories.path]: (revealSensitive) =>
      ExportMemoriesRequest.encode(ExportMemoriesRequest.fromPartial({ revealSensitive })).finish(),
    [Config.exportConfig.path]: (revealSensitive) =>
      ExportConfigRequest.encode(ExportConfigRequest.fromPartial({ revealSensitive })).finish(),
    [Config.revealSecret.path]: () =>
      RevealSecretRequest.encode(RevealSecretRequest.fromPartial({ name: 'mail' })).finish(),
    [Admin.createApiKey.path]: () => CreateApiKeyRequest.encode(CreateApiKeyRequest.fromPartial({ apiKey })).finish(),
    [Admin.rotateKeys.path]: () => RotateKeysRequest.encode(RotateKeysRequest.fromPartial({ ids: [keyId] })).finish(),
  };

  it('are of these RPCs, and every one of the contract is tried', () => {
    expect(Object.keys(asked).toSorted()).toEqual(IN_CLEAR.toSorted());
  });

  it.each(IN_CLEAR)('%s sends them as they are, also to who takes gzip', async (path) => {
    const { flags, bytes } = await ask(path, asked[path]?.(true) ?? new Uint8Array());
    expect(bytes.includes(path.includes('Admin') ? 'mh_' : SECRET)).toBe(true);
    expect(new Set(flags)).toEqual(new Set([0]));
  });

  it('where the same answers with placeholders are compressed', async () => {
    const answers = await Promise.all(
      [Memories.exportMemories.path, Config.exportConfig.path].map((path) =>
        ask(path, asked[path]?.(false) ?? new Uint8Array()),
      ),
    );
    for (const { flags } of answers) expect(flags).toContain(1);
    expect((await ask(Config.getConfig.path, GetConfigRequest.encode({ userId: '' }).finish())).flags).toEqual([1]);
  });
});
