import { View } from '../../../shared/gen/memoryhub/v1/memory.ts';
import {
  type ListMemoriesRequest,
  type ListMemoriesResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { Call, EncodedMessage, StreamMethod } from '../method.ts';
import { READERS } from './answers.ts';
import { MEMORIES_TAG, withStrings } from './memory-frames.ts';
import { protoRow } from './proto-row.ts';

/**
 * Bytes from which on a message is sent. grpc-js has one message of a stream in flight, so that its
 * size is throughput; with the largest memory on top it stays well under the limit of 1 MiB.
 */
export const MESSAGE_BYTES = 128 * 1024;

export function listMemories(service: MemoryService): StreamMethod<ListMemoriesRequest, ListMemoriesResponse> {
  return {
    definition: MemoryServiceService.listMemories,
    roles: READERS,
    handle: (call, request) => messages(service, call, request),
  };
}

/** Every message says where the list goes on behind it, so that a list that breaks can be taken up. */
async function* messages(
  service: MemoryService,
  call: Call,
  request: ListMemoriesRequest,
): AsyncGenerator<EncodedMessage, void> {
  const listing = service.list(call, request);
  const message = (memories: Buffer, token: string) => {
    call.offerResumeToken(token);
    return withStrings(memories, token === '' ? [] : [token]);
  };
  let sentToken: string | undefined;
  let endToken = '';
  for await (const { rows, next } of listing.pages(protoRow(MEMORIES_TAG, request.view !== View.BASIC))) {
    endToken = next === undefined ? '' : listing.tokenAt(next);
    const last = rows.count - 1;
    let from = 0;
    for (let index = 0; index < last; index++) {
      const end = rows.end(index);
      if (end - from < MESSAGE_BYTES) continue;
      yield message(rows.bytes.subarray(from, end), listing.tokenAfter(rows, index));
      from = end;
    }
    if (last < 0) continue;
    sentToken = endToken;
    yield message(rows.bytes.subarray(from), endToken);
  }
  // Nothing was listed, or what followed the last message turned out to be nothing.
  if (sentToken !== endToken) yield message(NOTHING, endToken);
}

const NOTHING = Buffer.alloc(0);
