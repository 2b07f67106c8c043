import { LIMITS } from '../../shared/limits.ts';
import type { CallContext } from './call-context.ts';
import type { Micros, Owner } from './memory.ts';
import { ALL_FIELDS, type Change, Field } from './repository.ts';
import type { MemoryInput } from './requests.ts';
import { readExpiry } from './validation/expiry.ts';
import { readMetadata } from './validation/metadata.ts';
import { readIdentity, readOwner } from './validation/owner.ts';
import { checkIdentifier, checkTags, checkText, readEtag, readUuid } from './validation/text.ts';
import type { Violations } from './validation/violations.ts';

type UpdateChange = Extract<Change, { kind: 'update' }>;

/** Both ways to say when a memory expires set the one field; a mask tells them apart. */
const TTL = ALL_FIELDS + 1;

const PATHS: ReadonlyMap<string, number> = new Map([
  ['category', Field.CATEGORY],
  ['content', Field.CONTENT],
  ['tags', Field.TAGS],
  ['metadata', Field.METADATA],
  ['expire_time', Field.EXPIRY],
  ['ttl', TTL],
  ['*', ALL_FIELDS | TTL],
]);

const FIXED = ['id', 'key', 'scope', 'user_id', 'team'];

/** What an update means: only the fields its mask names are checked and set. */
export function readUpdate(
  violations: Violations,
  call: CallContext,
  input: MemoryInput,
  updateMask: readonly string[] | undefined,
  now: Micros,
): UpdateChange {
  const mask =
    updateMask === undefined || updateMask.length === 0 ? setFields(input) : readMask(violations, updateMask);
  if (mask === 0 && violations.none) violations.add('update_mask', 'is empty, and so is the memory: nothing to change');
  violations.at('memory');
  const has = (field: number) => (mask & field) !== 0;
  if (has(Field.CATEGORY)) checkIdentifier(violations, 'category', input.category);
  if (has(Field.CONTENT)) checkText(violations, 'content', input.content, LIMITS.contentBytes);
  if (has(Field.TAGS)) checkTags(violations, 'tags', input.tags);
  const expireTime = has(Field.EXPIRY) ? input.expireTime : undefined;
  const ttl = has(TTL) ? input.ttl : undefined;
  const id = readTarget(violations, call, input);
  const expectedChangeNo = readEtag(violations, 'etag', input.etag);
  const read = has(Field.METADATA) ? readMetadata(violations, 'metadata', input.metadata) : undefined;
  const change: UpdateChange = {
    kind: 'update',
    id,
    fresh: false,
    expectedChangeNo,
    mask: has(TTL) ? (mask & ALL_FIELDS) | Field.EXPIRY : mask,
    // What the mask leaves out was not checked and goes no further.
    fields: {
      category: has(Field.CATEGORY) ? input.category : '',
      content: has(Field.CONTENT) ? input.content : '',
      tags: has(Field.TAGS) ? input.tags : [],
      metadata: read?.metadata,
      metadataJson: read?.json,
      ...readExpiry(violations, { expireTime, ttl }, now),
    },
  };
  violations.at('');
  return change;
}

/** By id alone the owner is not looked at: it is that of the memory. By key it is part of the name. */
function readTarget(violations: Violations, call: CallContext, input: MemoryInput): string {
  if (input.key === '') return readUuid(violations, 'id', input.id);
  const owner = readOwner(violations, input, call.access);
  return readIdentity(violations, input, owner, call.workspace);
}

/** Whether an update says whose its memory is without need: no mask leaves it out, no key is found by it. */
export function namesOwner(input: MemoryInput, updateMask: readonly string[] | undefined): boolean {
  if (input.key !== '' || (updateMask !== undefined && updateMask.length > 0)) return false;
  return input.scope !== 0 || input.userId !== '' || input.team !== '';
}

/** What an update says about the owner and the memory does not; undefined when they agree. */
export function differingOwner(input: MemoryInput, owner: Owner): 'scope' | 'user_id' | 'team' | undefined {
  if (input.scope !== 0 && input.scope !== owner.scope) return 'scope';
  if (input.userId !== '' && input.userId !== owner.userId) return 'user_id';
  return input.team !== '' && input.team !== owner.team ? 'team' : undefined;
}

function readMask(violations: Violations, paths: readonly string[]): number {
  let mask = 0;
  paths.forEach((path, index) => {
    const bits = PATHS.get(path);
    if (bits !== undefined) mask |= bits;
    else if (FIXED.includes(path)) {
      violations.add('update_mask', `path ${index + 1} is ${path}, which is fixed when a memory is made`);
    } else {
      violations.add('update_mask', `path ${index + 1} is not one of ${[...PATHS.keys()].join(', ')}`);
    }
  });
  return mask;
}

function setFields(input: MemoryInput): number {
  let mask = 0;
  if (input.category !== '') mask |= Field.CATEGORY;
  if (input.content !== '') mask |= Field.CONTENT;
  if (input.tags.length > 0) mask |= Field.TAGS;
  if (input.metadata !== undefined) mask |= Field.METADATA;
  if (input.expireTime !== undefined) mask |= Field.EXPIRY;
  if (input.ttl !== undefined) mask |= TTL;
  return mask;
}
