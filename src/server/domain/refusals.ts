import { ServiceError } from './errors.ts';
import type { Refusal } from './repository.ts';
import { memoryNotFound } from './validation/owner.ts';

/**
 * Tells the caller why a change was refused.
 *
 * @param path of the item in the request: "memory", "memories[3]", "targets[3]", or empty
 * @param item what the error's metadata say about the failing item of a batch
 */
export function refused(refusal: Refusal, path: string, item: Record<string, string>): ServiceError {
  const field = (name: string) => (path === '' ? name : `${path}.${name}`);
  switch (refusal.kind) {
    case 'not_found':
      return memoryNotFound(item);
    case 'exists':
      return new ServiceError('MEMORY_EXISTS', 'create_only was asked for, and the memory is there', {
        metadata: item,
      });
    case 'etag_mismatch':
      // An etag of what is not there: the same answer as for what is there and out of reach.
      if (refusal.currentChangeNo === 0) return memoryNotFound(item);
      return new ServiceError('ETAG_MISMATCH', 'the memory was written since: read it again, then decide', {
        metadata: { ...item, field: field('etag'), current_etag: String(refusal.currentChangeNo) },
      });
    case 'owner_fixed':
      return new ServiceError('OWNER_FIXED', `${refusal.field} is fixed when a memory is made`, {
        metadata: { ...item, field: field(refusal.field) },
      });
    case 'not_deleted':
      return new ServiceError('NOT_DELETED', 'the memory is not deleted; name the revision to bring back', {
        metadata: item,
      });
    case 'revision_not_found':
      return revisionNotFound();
    case 'sealed_unknown':
      return new ServiceError(
        'SEALED_VALUE_UNKNOWN',
        'the metadata has the placeholder of a sealed value that this memory does not keep under that name',
        { metadata: { ...item, field: field('metadata') } },
      );
    case 'request_id_reused':
      return new ServiceError('REQUEST_ID_REUSED', 'this request_id was used for a different request', {
        violations: [{ field: 'request_id', description: 'was used for a different request in the last 24 hours' }],
      });
  }
}

export function revisionNotFound(): ServiceError {
  return new ServiceError('REVISION_NOT_FOUND', 'the memory has no such revision');
}
