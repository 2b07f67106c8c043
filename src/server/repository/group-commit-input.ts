import { ALL_FIELDS, type Change, type WriteRequest } from '../domain/repository.ts';
import { plainArray, textArray } from './statements/array-literal.ts';
import { INPUT, Kind } from './statements/write-changes.ts';

const KINDS = { save: Kind.SAVE, update: Kind.UPDATE, delete: Kind.DELETE, restore: Kind.RESTORE } as const;

type Cell = string | number | boolean | null;

/** The parameters of the write statements for some requests: one array literal a column. */
export function writeInput(requests: readonly WriteRequest[]): string[] {
  const columns: Cell[][] = INPUT.map(() => []);
  let ord = 0;
  requests.forEach((request, group) => {
    for (const change of request.changes) {
      const row = inputRow(ord, group, request, change);
      for (let column = 0; column < row.length; column++) columns[column]?.push(row[column] ?? null);
      ord++;
    }
  });
  return INPUT.map(([, , form], index) => {
    const values = columns[index] ?? [];
    return form === 'text' ? textArray(values as (string | null)[]) : plainArray(values);
  });
}

/** In the order of INPUT. */
function inputRow(ord: number, group: number, request: WriteRequest, change: Change): Cell[] {
  const fields = change.kind === 'save' || change.kind === 'update' ? change.fields : undefined;
  const owner = change.kind === 'save' ? change.owner : undefined;
  const { access } = request;
  const bound = access.userId !== '' || access.teams.length > 0;
  return [
    ord,
    group,
    request.workspaceId,
    KINDS[change.kind],
    change.id,
    change.fresh ? null : change.id,
    change.expectedChangeNo ?? null,
    change.kind === 'save' && change.createOnly,
    change.kind === 'delete' && change.allowMissing,
    request.validateOnly,
    request.bumpCacheEpoch,
    change.kind === 'save' ? ALL_FIELDS : change.kind === 'update' ? change.mask : 0,
    change.kind === 'restore' ? change.revision : 0,
    owner?.scope ?? null,
    owner?.userId ?? null,
    owner?.team ?? null,
    change.kind === 'save' ? change.key : null,
    fields?.category ?? null,
    fields?.content ?? null,
    fields === undefined ? null : textArray(fields.tags),
    fields?.metadata === undefined ? null : JSON.stringify(fields.metadata),
    fields?.expireTime ?? null,
    fields?.ttlMicros ?? null,
    request.author,
    request.note,
    request.requestId ?? null,
    request.requestHash === undefined ? null : `\\x${Buffer.from(request.requestHash).toString('hex')}`,
    bound ? access.userId : null,
    bound ? textArray(access.teams) : null,
  ];
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
