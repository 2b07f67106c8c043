import { LIMITS } from '../../shared/limits.ts';
import { reaches } from './access.ts';
import type { CallContext } from './call-context.ts';
import type { Revision } from './memory.ts';
import { PAGE_BYTES, prefetched, tokenContext } from './paging.ts';
import { revisionNotFound } from './refusals.ts';
import type { HistoryPage, MemoryRepository } from './repository.ts';
import type { GetRevisionInput, ListRevisionsInput } from './requests.ts';
import type { TokenSealer } from './token.ts';
import { readUuid } from './validation/text.ts';
import { Violations } from './validation/violations.ts';

/** Revisions of a page. */
const PAGE_ROWS = 32;

export interface RevisionPage {
  readonly revisions: readonly Revision[];
  readonly nextPageToken: string;
}

/** One entry of a history. @throws ServiceError INVALID_FIELD, REVISION_NOT_FOUND */
export async function getRevision(
  repository: MemoryRepository,
  call: CallContext,
  request: GetRevisionInput,
  checkMemory: (id: string) => Promise<void>,
): Promise<Revision> {
  const violations = new Violations();
  const id = readUuid(violations, 'memory_id', request.memoryId);
  if (request.revision < 1n) violations.add('revision', `is ${request.revision}; 1 or more is needed`);
  violations.check();
  await checkMemory(id);
  const number = Number(request.revision);
  const found = Number.isSafeInteger(number)
    ? await repository.revision(call, call.workspaceId, id, number)
    : undefined;
  if (found === undefined || !reaches(call.access, found.memory)) throw revisionNotFound();
  return found;
}

/** A history, newest first, in pages. @throws ServiceError INVALID_FIELD, INVALID_TOKEN */
export async function* listRevisions(
  repository: MemoryRepository,
  tokens: TokenSealer,
  call: CallContext,
  request: ListRevisionsInput,
  checkMemory: (id: string) => Promise<void>,
): AsyncGenerator<RevisionPage, void> {
  const violations = new Violations();
  const memoryId = readUuid(violations, 'memory_id', request.memoryId);
  violations.within('limit', request.limit, LIMITS.listLimit);
  violations.check();
  const context = tokenContext('ListRevisions', call, [memoryId]);
  const opened = request.pageToken === '' ? undefined : tokens.open(request.pageToken, context, 'page_token');
  await checkMemory(memoryId);
  let remaining = request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit;
  const read = (before: number | undefined): Promise<HistoryPage> => {
    const pageSize = Math.min(remaining, PAGE_ROWS);
    return repository.revisions(call, {
      workspaceId: call.workspaceId,
      memoryId,
      before,
      pageSize,
      pageBytes: PAGE_BYTES,
    });
  };
  const pages = prefetched(
    () => read(opened && Number(Buffer.from(opened).toString())),
    ({ revisions, next }) => {
      remaining -= revisions.length;
      return next === undefined || remaining <= 0 ? undefined : read(next);
    },
  );
  for await (const { revisions, next } of pages) {
    const nextPageToken = next === undefined ? '' : tokens.seal(Buffer.from(String(next)), context);
    yield { revisions: revisions.filter(({ memory }) => reaches(call.access, memory)), nextPageToken };
  }
}
