import { LIMITS } from '../../shared/limits.ts';
import type { CallContext } from './call-context.ts';
import { newId } from './ids.ts';
import type { Micros } from './memory.ts';
import type { Change } from './repository.ts';
import type { DeleteInput, MemoryInput, RestoreInput } from './requests.ts';
import { readExpiry } from './validation/expiry.ts';
import { readMetadata } from './validation/metadata.ts';
import { readIdentity, readOwner } from './validation/owner.ts';
import { checkIdentifier, checkTags, checkText, readEtag, readUuid } from './validation/text.ts';
import type { Violations } from './validation/violations.ts';

export type SaveChange = Extract<Change, { kind: 'save' }>;

/**
 * What a memory to be saved means; complete only once the violations were checked.
 *
 * @param path of the memory in the request: "memory" or "memories[3]"
 */
export function readSave(
  violations: Violations,
  call: Pick<CallContext, 'access' | 'workspace'>,
  path: string,
  input: MemoryInput,
  createOnly: boolean,
  now: Micros,
): SaveChange {
  violations.at(path);
  const owner = readOwner(violations, input, call.access);
  const identity = readIdentity(violations, input, owner, call.workspace);
  checkIdentifier(violations, 'category', input.category);
  checkText(violations, 'content', input.content, LIMITS.contentBytes);
  checkTags(violations, 'tags', input.tags);
  const expectedChangeNo = readEtag(violations, 'etag', input.etag);
  const read = readMetadata(violations, 'metadata', input.metadata);
  const { expireTime, ttlMicros } = readExpiry(violations, input, now);
  violations.at('');
  const { category, content, tags, key } = input;
  return {
    kind: 'save',
    id: identity === '' ? newId() : identity,
    fresh: identity === '',
    expectedChangeNo,
    owner,
    key,
    createOnly,
    fields: { category, content, tags, metadata: read?.metadata, metadataJson: read?.json, expireTime, ttlMicros },
  };
}

export function readDelete(
  violations: Violations,
  path: string,
  target: Pick<DeleteInput, 'id' | 'etag'>,
  allowMissing: boolean,
): Change {
  return {
    kind: 'delete',
    id: readUuid(violations, `${path}id`, target.id),
    fresh: false,
    expectedChangeNo: readEtag(violations, `${path}etag`, target.etag),
    allowMissing,
  };
}

export function readRestore(violations: Violations, input: RestoreInput): Change {
  if (input.revision < 0n) violations.add('revision', `is ${input.revision}; 0 or more is needed`);
  return {
    kind: 'restore',
    id: readUuid(violations, 'id', input.id),
    fresh: false,
    expectedChangeNo: readEtag(violations, 'etag', input.etag),
    revision: Number(input.revision),
  };
}

/** Refuses a batch that names a memory twice, naming both places. */
export function checkDistinct(violations: Violations, field: string, ids: readonly string[]): void {
  const seen = new Map<string, number>();
  ids.forEach((id, index) => {
    if (id === '') return;
    const first = seen.get(id);
    if (first === undefined) seen.set(id, index);
    else violations.add(`${field}[${index}]`, `is the same memory as ${field}[${first}]`);
  });
}
