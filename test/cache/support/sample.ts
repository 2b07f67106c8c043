import { UNBOUND } from '../../../src/server/domain/access.ts';
import type { CallContext } from '../../../src/server/domain/call-context.ts';
import { type Memory, type MemoryCodec, Scope } from '../../../src/server/domain/memory.ts';
import type { Change, WriteRequest } from '../../../src/server/domain/repository.ts';

/** The cache never looks into a message: any faithful coding serves. */
export const textCodec: MemoryCodec = {
  encode: (memory) => Buffer.from(JSON.stringify(memory)),
  decode: (message) => JSON.parse(Buffer.from(message).toString()) as Memory,
};

export function memoryOf(id: string, content: string, fields: Partial<Memory> = {}): Memory {
  return {
    id,
    key: '',
    scope: Scope.WORKSPACE,
    userId: '',
    team: '',
    category: '',
    content,
    tags: [],
    metadata: undefined,
    revision: 1,
    changeNo: 1,
    author: 'test',
    createTime: 1_700_000_000_000_000,
    updateTime: 1_700_000_000_000_000,
    deleteTime: undefined,
    expireTime: undefined,
    ...fields,
  };
}

export function callOf(workspaceId = 1): CallContext {
  return {
    workspaceId,
    workspace: `workspace-${workspaceId}`,
    access: UNBOUND,
    author: 'test',
    keyId: 'test',
    callId: 'test',
    deadlineAt: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    ended: false,
    observe: () => {},
  };
}

export function save(id: string, content: string, options: { fresh?: boolean } = {}): Change {
  return {
    kind: 'save',
    id,
    fresh: options.fresh ?? false,
    expectedChangeNo: undefined,
    owner: { scope: Scope.WORKSPACE, userId: '', team: '' },
    key: '',
    fields: {
      category: '',
      content,
      tags: [],
      metadata: undefined,
      expireTime: undefined,
      ttlMicros: undefined,
    },
    createOnly: false,
  };
}

export function requestOf(workspaceId: number, changes: readonly Change[]): WriteRequest {
  return {
    workspaceId,
    access: UNBOUND,
    author: 'test',
    note: '',
    requestId: undefined,
    requestHash: undefined,
    changes,
    validateOnly: false,
    bumpCacheEpoch: false,
  };
}
