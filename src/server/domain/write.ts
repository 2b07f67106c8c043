import { LIMITS } from '../../shared/limits.ts';
import { reaches } from './access.ts';
import { type CallContext, Stage } from './call-context.ts';
import type { MemoryRecord } from './memory.ts';
import { refused } from './refusals.ts';
import type { Change, MemoryRepository } from './repository.ts';
import { requestHash } from './request-hash.ts';
import type { MutationInput } from './requests.ts';
import type { MetadataSealing } from './sealing/metadata-sealing.ts';
import { memoryNotFound } from './validation/owner.ts';
import { checkText, readUuid } from './validation/text.ts';
import type { Violations } from './validation/violations.ts';

/** What a mutation answers. */
export interface Written {
  /** One a change, in order; undefined where a missing memory was allowed. */
  readonly records: readonly (MemoryRecord | undefined)[];
  /** The workspace's change number afterwards. */
  readonly head: number;
  /** The request was done before; nothing was written now. */
  readonly replayed: boolean;
}

/** A mutation whose own fields were read and not yet checked. */
export interface Mutation {
  /** The RPC's name: a request_id is good for one. */
  readonly rpc: string;
  readonly request: MutationInput & { readonly validateOnly?: boolean };
  readonly changes: readonly Change[];
  readonly violations: Violations;
  /** performance.now() when its checking began. */
  readonly startedAt: number;
  /** Path of a change in the request. */
  path(index: number): string;
  /** Whether a refusal names the item by its index. */
  readonly batch: boolean;
}

/**
 * Checks what all mutations share, then writes.
 *
 * @throws ServiceError INVALID_FIELD with all violations; the refusal of a change; the repository's
 */
export async function write(
  repository: MemoryRepository,
  sealing: MetadataSealing,
  call: CallContext,
  mutation: Mutation,
): Promise<Written> {
  const { request, violations } = mutation;
  checkText(violations, 'note', request.note, LIMITS.noteBytes);
  const requestId = request.requestId === '' ? undefined : readUuid(violations, 'request_id', request.requestId);
  // A retry whose expire_time has passed meanwhile is still answered as the first time, and nothing else is.
  const onlyReplay = requestId !== undefined && violations.onlyLapsed;
  if (!onlyReplay) violations.check();
  mutation.changes.forEach((change, index) => {
    if (change.kind === 'save' && !reaches(call.access, change.owner)) throw memoryNotFound(itemOf(mutation, index));
  });
  // Only what has secrets waits for their keys.
  const { changes, hashed } = sealing.concerns(mutation.changes)
    ? await sealing.seal(call.workspaceId, request, mutation.changes, mutation.path)
    : { changes: mutation.changes, hashed: request };
  const requestHashed =
    requestId === undefined ? undefined : requestHash(mutation.rpc, call.access, { ...hashed, requestId });
  call.observe(Stage.DOMAIN, 'check', mutation.startedAt);
  const outcome = await repository.write(call, {
    workspaceId: call.workspaceId,
    access: call.access,
    author: call.author,
    note: request.note,
    requestId,
    requestHash: requestHashed,
    changes,
    validateOnly: onlyReplay || (request.validateOnly ?? false),
    bumpCacheEpoch: false,
  });
  if (onlyReplay && !(outcome.kind === 'done' && outcome.replayed)) violations.check();
  if (outcome.kind === 'done') return outcome;
  throw refused(outcome.refusal, mutation.path(outcome.index), itemOf(mutation, outcome.index));
}

/** What an error's metadata say about the failing item of a batch. */
function itemOf(mutation: Mutation, index: number): Record<string, string> {
  return mutation.batch ? { index: String(index), field: mutation.path(index) } : {};
}
