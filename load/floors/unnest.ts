import { createHash, randomUUID } from 'node:crypto';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { connectForWriting } from '../../src/server/database/write-connection.ts';
import { UNBOUND } from '../../src/server/domain/access.ts';
import { newId } from '../../src/server/domain/ids.ts';
import type { WriteRequest } from '../../src/server/domain/repository.ts';
import { Memory } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import {
  BatchSaveMemoriesRequest,
  BatchSaveMemoriesResponse,
  SaveMemoryRequest,
} from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { openFloor } from '../micro/plain-unnest.ts';
import { listen } from './listen.ts';

/**
 * The floor of saving: what a grpc-js server would do that promises nothing but durability. It
 * gathers calls while a statement is under way and inserts them into the same three tables with one
 * unnest: no key, no lock, no guard, no replay, no cache. Argument: PostgreSQL's address.
 */
const MAX_BATCH = 256;
/** Of no real workspace, so that a server on the same database does not meet these rows. */
const WORKSPACE = 1_000_000 + (process.pid % 1_000_000);

interface Waiting {
  readonly memories: readonly Memory[];
  readonly done: (error: Error | null) => void;
}

const timeouts = { connectTimeoutMs: 5000, statementTimeoutMs: 30_000 };
const client = await connectForWriting(process.argv[2] ?? '', timeouts, false);
const floor = await openFloor(client, 1);
let waiting: Waiting[] = [];
let isBusy = false;

async function flush(): Promise<void> {
  if (isBusy) return;
  isBusy = true;
  while (waiting.length > 0) {
    const batch = waiting.slice(0, MAX_BATCH);
    waiting = waiting.slice(MAX_BATCH);
    const outcome = await floor.write(batch.map(({ memories }) => toWrite(memories))).then(
      () => null,
      (error: Error) => error,
    );
    for (const { done } of batch) done(outcome);
  }
  isBusy = false;
}

function toWrite(memories: readonly Memory[]): WriteRequest {
  const requestId = randomUUID();
  return {
    workspaceId: WORKSPACE,
    author: 'floor',
    note: '',
    requestId,
    requestHash: createHash('sha256').update(requestId).digest(),
    access: UNBOUND,
    validateOnly: false,
    bumpCacheEpoch: false,
    changes: memories.map((memory) => ({
      kind: 'save',
      id: memory.id,
      fresh: true,
      expectedChangeNo: undefined,
      createOnly: false,
      owner: { scope: memory.scope as 1 | 2 | 3, userId: memory.userId, team: memory.team },
      key: memory.key,
      fields: {
        category: memory.category,
        content: memory.content,
        tags: memory.tags,
        metadata: memory.metadata as Record<string, never> | undefined,
        expireTime: undefined,
        ttlMicros: undefined,
      },
    })),
  };
}

function save(memories: readonly Memory[], answer: () => Uint8Array, respond: sendUnaryData<Buffer>): void {
  for (const memory of memories) memory.id = newId();
  const done = (error: Error | null) => (error ? respond(error) : respond(null, Buffer.from(answer())));
  waiting.push({ memories, done });
  queueMicrotask(() => void flush());
}

await listen({
  '/memoryhub.v1.MemoryService/SaveMemory': (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => {
    const memory = SaveMemoryRequest.decode(call.request).memory ?? Memory.fromPartial({});
    save([memory], () => Memory.encode(memory).finish(), respond);
  },
  '/memoryhub.v1.MemoryService/BatchSaveMemories': (
    call: ServerUnaryCall<Buffer, Buffer>,
    respond: sendUnaryData<Buffer>,
  ) => {
    const { memories } = BatchSaveMemoriesRequest.decode(call.request);
    const answer = () => {
      const brief = memories.map((memory) => ({ ...memory, content: '', metadata: undefined }));
      return BatchSaveMemoriesResponse.encode(BatchSaveMemoriesResponse.fromPartial({ memories: brief })).finish();
    };
    save(memories, answer, respond);
  },
});
process.once('SIGTERM', () => void floor.end());
