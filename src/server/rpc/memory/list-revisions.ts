import {
  type ListRevisionsRequest,
  type ListRevisionsResponse,
  MemoryServiceService,
} from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryService } from '../../domain/memory-service.ts';
import type { RevisionPage } from '../../domain/revisions.ts';
import type { Call, StreamMethod } from '../method.ts';
import { READERS } from './answers.ts';
import { MESSAGE_BYTES } from './list-memories.ts';
import { toRevisionMessage } from './proto-codec.ts';

export function listRevisions(service: MemoryService): StreamMethod<ListRevisionsRequest, ListRevisionsResponse> {
  return {
    definition: MemoryServiceService.listRevisions,
    roles: READERS,
    handle: (call, request) => messages(call, service.listRevisions(call, request)),
  };
}

async function* messages(call: Call, pages: AsyncIterable<RevisionPage>): AsyncGenerator<ListRevisionsResponse, void> {
  for await (const page of pages) {
    let answer: ListRevisionsResponse = { revisions: [], nextPageToken: '' };
    let contentBytes = 0;
    for (const revision of page.revisions) {
      if (contentBytes >= MESSAGE_BYTES) {
        yield answer;
        answer = { revisions: [], nextPageToken: '' };
        contentBytes = 0;
      }
      answer.revisions.push(toRevisionMessage(revision));
      contentBytes += Buffer.byteLength(revision.memory.content);
    }
    call.offerResumeToken(page.nextPageToken);
    yield { ...answer, nextPageToken: page.nextPageToken };
  }
}
