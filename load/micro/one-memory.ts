import { randomBytes } from 'node:crypto';
import { Scope } from '../../src/server/domain/memory.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import { generateApiKey } from '../../src/server/security/api-key.ts';
import { GetMemoryRequest } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import type { FixedCall } from '../h2load.ts';

/** The one memory that call-path-server.ts has, and the key that may read it. */

export const { credential } = generateApiKey();

const memory = {
  id: '018f0000-0000-7000-8000-000000000000',
  key: '',
  scope: Scope.WORKSPACE,
  userId: '',
  team: '',
  category: 'decision',
  content: 'Deploys happen Tuesdays 14:00-16:00 UTC, outside of the December freeze. '.repeat(3),
  tags: ['deploy', 'load'],
  metadata: { ticket: `OPS-${randomBytes(2).readUInt16BE()}`, priority: 3 },
  revision: 1,
  changeNo: 12_345,
  author: 'ladder',
  createTime: 1_767_225_600_000_000,
  updateTime: 1_767_225_600_000_000,
  deleteTime: undefined,
  expireTime: undefined,
};

export const message = Buffer.from(protoCodec.encode(memory));

const request = GetMemoryRequest.encode(
  GetMemoryRequest.fromPartial({ target: { $case: 'id', value: memory.id } }),
).finish();

/** Asks a server for it. */
export function getOneMemory(address: string): FixedCall {
  return {
    address,
    path: '/memoryhub.v1.MemoryService/GetMemory',
    request,
    authorization: `Bearer ${credential}`,
  };
}
