import { ServiceError } from '../domain/errors.ts';
import type { Memory, MemoryCodec, MemoryRecord, Scope } from '../domain/memory.ts';
import { type Change, Field, type Refusal, type WriteOutcome, type WriteRequest } from '../domain/repository.ts';
import type { OutcomeRows } from './group-commit-rows.ts';
import { metadataOf, recordOf } from './memory-rows.ts';
import { Code, OUTPUT_NUMBERS } from './statements/write-changes.ts';

/** A request that was done before; its records are to be read from history. */
export interface Replay {
  readonly kind: 'replay';
  readonly firstChange: number;
  readonly changes: number;
  readonly head: number;
}

/** Positions in a row of the write statements. */
const CODE = OUTPUT_NUMBERS.indexOf('code');
const ETAG = OUTPUT_NUMBERS.indexOf('etag');
const HEAD = OUTPUT_NUMBERS.indexOf('head');
const FIRST_CHANGE = OUTPUT_NUMBERS.indexOf('first_change');
const CHANGES = OUTPUT_NUMBERS.indexOf('changes');
const REVISION = OUTPUT_NUMBERS.indexOf('revision');
const CHANGE_NO = OUTPUT_NUMBERS.indexOf('change_no');
const SCOPE = OUTPUT_NUMBERS.indexOf('scope');
const CREATE_TIME = OUTPUT_NUMBERS.indexOf('create_time');
const UPDATE_TIME = OUTPUT_NUMBERS.indexOf('update_time');
const EXPIRE_TIME = OUTPUT_NUMBERS.indexOf('expire_time');
const DELETE_TIME = OUTPUT_NUMBERS.indexOf('delete_time');

/**
 * What became of a request.
 *
 * @param first the place of its first change in the batch
 * @throws ServiceError WORKSPACE_NOT_FOUND
 */
export function outcomeOf(
  request: WriteRequest,
  rows: OutcomeRows,
  first: number,
  codec: MemoryCodec,
): WriteOutcome | Replay {
  const { changes } = request;
  let head = rows.number(first, HEAD);
  if (rows.number(first, CODE) === Code.REPLAY) {
    return {
      kind: 'replay',
      firstChange: rows.number(first, FIRST_CHANGE),
      changes: rows.number(first, CHANGES),
      head,
    };
  }
  for (let index = 0; index < changes.length; index++) {
    const refusal = refusalOf(rows, first + index);
    if (refusal !== undefined) return { kind: 'refused', index, refusal };
  }
  const records: (MemoryRecord | undefined)[] = [];
  for (let index = 0; index < changes.length; index++) {
    const ord = first + index;
    if (rows.number(ord, CODE) === Code.MISSING_ALLOWED) {
      records.push(undefined);
      continue;
    }
    if (!request.validateOnly) head = rows.number(ord, CHANGE_NO);
    records.push(recordOf(writtenMemory(request, changes[index] as Change, rows, ord), codec));
  }
  return { kind: 'done', replayed: false, records, head };
}

function refusalOf(rows: OutcomeRows, ord: number): Refusal | undefined {
  const code = rows.number(ord, CODE);
  switch (code) {
    case Code.GO:
    case Code.MISSING_ALLOWED:
      return undefined;
    case Code.NO_WORKSPACE:
      throw new ServiceError('WORKSPACE_NOT_FOUND', 'there is no such workspace');
    case Code.NOT_FOUND:
      return { kind: 'not_found' };
    case Code.EXISTS:
      return { kind: 'exists' };
    case Code.ETAG_MISMATCH:
      return { kind: 'etag_mismatch', currentChangeNo: rows.number(ord, ETAG) };
    case Code.SCOPE_FIXED:
      return { kind: 'owner_fixed', field: 'scope' };
    case Code.USER_FIXED:
      return { kind: 'owner_fixed', field: 'user_id' };
    case Code.TEAM_FIXED:
      return { kind: 'owner_fixed', field: 'team' };
    case Code.KEY_FIXED:
      return { kind: 'owner_fixed', field: 'key' };
    case Code.NOT_DELETED:
      return { kind: 'not_deleted' };
    case Code.REVISION_NOT_FOUND:
      return { kind: 'revision_not_found' };
    case Code.SEALED_UNKNOWN:
      return { kind: 'sealed_unknown' };
    case Code.REQUEST_ID_REUSED:
      return { kind: 'request_id_reused' };
    default:
      throw new Error(`the write statement decided ${code}, which has no meaning`);
  }
}

/** The memory as the write left it: what the request brought is taken from there, the rest from the row. */
function writtenMemory(request: WriteRequest, change: Change, rows: OutcomeRows, ord: number): Memory {
  const mask = change.kind === 'save' ? -1 : change.kind === 'update' ? change.mask : 0;
  const fields = change.kind === 'save' || change.kind === 'update' ? change.fields : undefined;
  // A save that goes through is of the owner it names.
  const owner = change.kind === 'save' ? change.owner : undefined;
  return {
    id: change.id,
    scope: rows.number(ord, SCOPE) as Scope,
    userId: owner ? owner.userId : rows.text(ord, 'user_id'),
    team: owner ? owner.team : rows.text(ord, 'team'),
    key: change.kind === 'save' ? change.key : rows.text(ord, 'key'),
    category: fields && mask & Field.CATEGORY ? fields.category : rows.text(ord, 'category'),
    content: fields && mask & Field.CONTENT ? fields.content : rows.text(ord, 'content'),
    tags: fields && mask & Field.TAGS ? fields.tags : rows.textArray(ord, 'tags'),
    metadata: fields && mask & Field.METADATA ? fields.metadata : metadataOf(rows.json(ord, 'metadata')),
    revision: rows.number(ord, REVISION),
    changeNo: rows.number(ord, CHANGE_NO),
    author: request.author,
    createTime: rows.number(ord, CREATE_TIME),
    updateTime: rows.number(ord, UPDATE_TIME),
    expireTime: rows.optionalNumber(ord, EXPIRE_TIME),
    deleteTime: rows.optionalNumber(ord, DELETE_TIME),
  };
}
