import { isBound } from '../domain/access.ts';
import { ALL_FIELDS, type Change, type WriteRequest } from '../domain/repository.ts';
import { RecordArray } from './statements/record-array.ts';
import { INPUT, Kind } from './statements/write-changes.ts';

const KINDS = { save: Kind.SAVE, update: Kind.UPDATE, delete: Kind.DELETE, restore: Kind.RESTORE } as const;

/**
 * The parameter of the write statements for some requests. Its type is set by the connection.
 *
 * @param rows to write it into, over what was there
 */
export function writeInput(requests: readonly WriteRequest[], rows: RecordArray = inputRows()): Buffer {
  rows.clear();
  let ord = 0;
  requests.forEach((request, group) => {
    request.changes.forEach((change, index) => {
      addRow(rows, ord++, group, request, change, index === 0);
    });
  });
  return rows.finish();
}

/** Room for usual batches; it grows. */
export function inputRows(): RecordArray {
  return new RecordArray(INPUT.length, 64 * 1024);
}

/** In the order of INPUT. */
function addRow(
  rows: RecordArray,
  ord: number,
  group: number,
  request: WriteRequest,
  change: Change,
  isFirst: boolean,
): void {
  const fields = change.kind === 'save' || change.kind === 'update' ? change.fields : undefined;
  const owner = change.kind === 'save' ? change.owner : undefined;
  const { access } = request;
  const bound = isBound(access);
  rows.begin();
  rows.int4(ord);
  rows.int4(group);
  rows.int4(request.workspaceId);
  rows.int2(KINDS[change.kind]);
  rows.uuid(change.id);
  rows.uuid(change.fresh ? undefined : change.id);
  rows.int8(change.expectedChangeNo);
  rows.bool(change.kind === 'save' && change.createOnly);
  rows.bool(change.kind === 'delete' && change.allowMissing);
  rows.bool(request.validateOnly);
  rows.bool(request.bumpCacheEpoch);
  rows.int4(change.kind === 'save' ? ALL_FIELDS : change.kind === 'update' ? change.mask : 0);
  rows.int8(change.kind === 'restore' ? change.revision : 0);
  rows.int2(owner?.scope);
  rows.text(owner?.userId);
  rows.text(owner?.team);
  rows.text(change.kind === 'save' ? change.key : undefined);
  rows.text(fields?.category);
  rows.text(fields?.content);
  rows.textArray(fields?.tags);
  rows.jsonb(fields?.metadataJson ?? (fields?.metadata === undefined ? undefined : JSON.stringify(fields.metadata)));
  rows.jsonb(fields?.sealed === undefined ? undefined : JSON.stringify(fields.sealed));
  rows.int8(fields?.expireTime);
  rows.int8(fields?.ttlMicros);
  rows.text(request.author);
  rows.text(request.note);
  rows.uuid(request.requestId);
  rows.bytea(isFirst ? request.requestHash : undefined);
  rows.text(bound ? access.userId : undefined);
  rows.textArray(bound ? access.teams : undefined);
}

/** About how much a request adds to a batch, in bytes. Two bytes a character is between ASCII and the rest. */
export function inputSize(request: WriteRequest): number {
  let size = 0;
  for (const change of request.changes) {
    size += 512;
    if (change.kind === 'save' || change.kind === 'update') size += change.fields.content.length * 2;
  }
  return size;
}
