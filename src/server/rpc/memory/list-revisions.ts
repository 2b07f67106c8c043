import { Revision } from '../../../shared/gen/memoryhub/v1/memory.ts';
import {
  type ListRevisionsRequest,
  type ListRevisionsResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { RevisionPage } from '../../domain/revisions.ts';
import type { Call, EncodedMessage, StreamMethod } from '../method.ts';
import { READERS } from './answers.ts';
import { MESSAGE_BYTES } from './list-memories.ts';
import { MemoryFrames } from './memory-frames.ts';
import { toRevisionMessage } from './proto-codec.ts';

export function listRevisions(service: MemoryService): StreamMethod<ListRevisionsRequest, ListRevisionsResponse> {
  return {
    definition: MemoryServiceService.listRevisions,
    roles: READERS,
    handle: (call, request) => messages(call, service.listRevisions(call, request)),
  };
}

async function* messages(call: Call, pages: AsyncIterable<RevisionPage>): AsyncGenerator<EncodedMessage, void> {
  const frames = new MemoryFrames();
  for await (const { revisions, nextPageToken } of pages) {
    for (const [index, revision] of revisions.entries()) {
      frames.add(Revision.encode(toRevisionMessage(revision)).finish());
      if (frames.size >= MESSAGE_BYTES && index < revisions.length - 1) yield frames.finish();
    }
    call.offerResumeToken(nextPageToken);
    yield frames.finish(nextPageToken === '' ? [] : [nextPageToken]);
  }
}
