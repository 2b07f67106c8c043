import {
  type ListMemoriesRequest,
  type ListMemoriesResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { Call, EncodedMessage, StreamMethod } from '../method.ts';
import { READERS, viewed } from './answers.ts';
import { MemoryFrames } from './memory-frames.ts';

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
  const frames = new MemoryFrames();
  const message = (token: string) => {
    call.offerResumeToken(token);
    return frames.finish(token === '' ? [] : [token]);
  };
  let sentToken: string | undefined;
  let endToken = '';
  for await (const { records, next } of listing.pages()) {
    for (const [index, record] of records.entries()) {
      frames.add(viewed(record, request.view));
      if (frames.size < MESSAGE_BYTES || index === records.length - 1) continue;
      yield message(listing.tokenAfter(record));
    }
    endToken = next === undefined ? '' : listing.tokenAt(next);
    if (frames.count === 0) continue;
    sentToken = endToken;
    yield message(endToken);
  }
  // Nothing was listed, or what followed the last message turned out to be nothing.
  if (sentToken !== endToken) yield message(endToken);
}
