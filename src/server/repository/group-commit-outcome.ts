import type { Memory, MemoryCodec, MemoryRecord, Scope } from '../domain/memory.ts';
import { type Change, Field, type Refusal, type WriteOutcome, type WriteRequest } from '../domain/repository.ts';
import { metadataOf, microsOf, optionalMicros, type Row, recordOf, tagsOf, text } from './memory-rows.ts';
import { Code, OUTPUT } from './statements/write-changes.ts';

/** A request that was done before; its records are to be read from history. */
export interface Replay {
  readonly kind: 'replay';
  readonly firstChange: number;
  readonly changes: number;
  readonly head: number;
}

/** Positions in a row of the write statements. */
const CODE = OUTPUT.indexOf('code');
const ETAG = OUTPUT.indexOf('etag');
const HEAD = OUTPUT.indexOf('head');
const FIRST_CHANGE = OUTPUT.indexOf('first_change');
const CHANGES = OUTPUT.indexOf('changes');
const REVISION = OUTPUT.indexOf('revision');
const CHANGE_NO = OUTPUT.indexOf('change_no');
const SCOPE = OUTPUT.indexOf('scope');
const USER_ID = OUTPUT.indexOf('user_id');
const TEAM = OUTPUT.indexOf('team');
const KEY = OUTPUT.indexOf('key');
const CREATE_TIME = OUTPUT.indexOf('create_time');
const UPDATE_TIME = OUTPUT.indexOf('update_time');
const EXPIRE_TIME = OUTPUT.indexOf('expire_time');
const DELETE_TIME = OUTPUT.indexOf('delete_time');
const CATEGORY = OUTPUT.indexOf('new_category');
const CONTENT = OUTPUT.indexOf('new_content');
const TAGS = OUTPUT.indexOf('new_tags');
const METADATA = OUTPUT.indexOf('new_metadata');

/** What became of a request. @param rows the rows of its changes, in their order */
export function outcomeOf(request: WriteRequest, rows: readonly Row[], codec: MemoryCodec): WriteOutcome | Replay {
  const first = rows[0];
  if (first === undefined) throw new Error('the statement returned no row for a change');
  if (Number(first[CODE]) === Code.REPLAY) {
    return {
      kind: 'replay',
      firstChange: Number(first[FIRST_CHANGE]),
      changes: Number(first[CHANGES]),
      head: Number(first[HEAD]),
    };
  }
  for (const [index, row] of rows.entries()) {
    const refusal = refusalOf(row);
    if (refusal !== undefined) return { kind: 'refused', index, refusal };
  }
  let head = Number(first[HEAD]);
  const records: (MemoryRecord | undefined)[] = [];
  for (const [index, row] of rows.entries()) {
    const change = request.changes[index];
    if (change === undefined || Number(row[CODE]) === Code.MISSING_ALLOWED) {
      records.push(undefined);
      continue;
    }
    if (!request.validateOnly) head = Number(row[CHANGE_NO]);
    records.push(recordOf(writtenMemory(request, change, row), codec));
  }
  return { kind: 'done', replayed: false, records, head };
}

function refusalOf(row: Row): Refusal | undefined {
  switch (Number(row[CODE])) {
    case Code.GO:
    case Code.MISSING_ALLOWED:
      return undefined;
    case Code.NOT_FOUND:
      return { kind: 'not_found' };
    case Code.EXISTS:
      return { kind: 'exists' };
    case Code.ETAG_MISMATCH:
      return { kind: 'etag_mismatch', currentChangeNo: Number(row[ETAG]) };
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
      throw new Error(`the write statement decided ${row[CODE]}, which has no meaning`);
  }
}

/** The memory as the write left it: what the request brought is taken from there, the rest from the row. */
function writtenMemory(request: WriteRequest, change: Change, row: Row): Memory {
  const mask = change.kind === 'save' ? -1 : change.kind === 'update' ? change.mask : 0;
  const fields = change.kind === 'save' || change.kind === 'update' ? change.fields : undefined;
  return {
    id: change.id,
    scope: Number(row[SCOPE]) as Scope,
    userId: text(row[USER_ID]),
    team: text(row[TEAM]),
    key: text(row[KEY]),
    category: fields && mask & Field.CATEGORY ? fields.category : text(row[CATEGORY]),
    content: fields && mask & Field.CONTENT ? fields.content : text(row[CONTENT]),
    tags: fields && mask & Field.TAGS ? fields.tags : tagsOf(row[TAGS]),
    metadata: fields && mask & Field.METADATA ? fields.metadata : metadataOf(row[METADATA]),
    revision: Number(row[REVISION]),
    changeNo: Number(row[CHANGE_NO]),
    author: request.author,
    createTime: microsOf(text(row[CREATE_TIME])),
    updateTime: microsOf(text(row[UPDATE_TIME])),
    expireTime: optionalMicros(row[EXPIRE_TIME]),
    deleteTime: optionalMicros(row[DELETE_TIME]),
  };
}
