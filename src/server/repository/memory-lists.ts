import { ServiceError } from '../domain/errors.ts';
import type { MemoryCodec, Revision } from '../domain/memory.ts';
import type {
  ExportPage,
  HistoryPage,
  ListPage,
  ListPosition,
  ListQuery,
  RevisionQuery,
  StorageInfo,
} from '../domain/repository.ts';
import { MEMORY_COLUMNS, memoryOf, microsOf, type Row, recordOf, revisionOf, text } from './memory-rows.ts';
import { EXPORT_PREFIX } from './statements/export-page.ts';
import { FITS_OFFSET, LAST_OFFSET, MATCHED_OFFSET } from './statements/list-page.ts';
import type { SqlValue } from './statements/statement.ts';
import { Grouping } from './statements/storage-info.ts';

const AFTER_MEMORY = MEMORY_COLUMNS.length;
const ID = MEMORY_COLUMNS.indexOf('id');
const CHANGE_NO = MEMORY_COLUMNS.indexOf('change_no');
const CREATE_TIME = MEMORY_COLUMNS.indexOf('create_time');

/** @param rows up to one more than the page takes, and the last of the scan budget */
export function listPageOf(query: ListQuery, rows: readonly Row[], codec: MemoryCodec): ListPage {
  const records = [];
  let last: Row | undefined;
  for (const row of rows) {
    const matched = row[AFTER_MEMORY + MATCHED_OFFSET] === 't';
    const full = records.length === query.pageSize || (matched && row[AFTER_MEMORY + FITS_OFFSET] !== 't');
    // More than the page takes, or a row that only says how far the scan came: the next starts behind `last`.
    if (full) return { records, next: last && positionOf(query, last) };
    last = row;
    if (matched) records.push(recordOf(memoryOf(row), codec));
    if (row[AFTER_MEMORY + LAST_OFFSET] === 't') return { records, next: positionOf(query, row) };
  }
  return { records, next: undefined };
}

function positionOf(query: ListQuery, row: Row): ListPosition {
  const at = query.order.by === 'create_time' ? microsOf(text(row[CREATE_TIME])) : Number(row[CHANGE_NO]);
  return { at, id: text(row[ID]) };
}

/** @throws ServiceError INVALID_TOKEN when the state they were to show is not kept any more */
export function exportPageOf(rows: readonly Row[], codec: MemoryCodec): ExportPage {
  const records = [];
  let lastId: string | undefined;
  for (const row of rows) {
    const [id, matched, last, fits, kept] = row;
    checkKept(kept);
    if (matched === 't' && fits !== 't') return { records, nextId: lastId };
    lastId = text(id);
    if (matched === 't') records.push(recordOf(memoryOf(row.slice(EXPORT_PREFIX.length)), codec));
    if (last === 't') return { records, nextId: lastId };
  }
  return { records, nextId: undefined };
}

/** @throws ServiceError INVALID_TOKEN */
export function checkKept(kept: SqlValue | undefined): void {
  if (kept === 't') return;
  throw new ServiceError('INVALID_TOKEN', 'the history this export needs is no longer kept; start a new export');
}

/** @param rows up to one more than the page takes; without its columns where it does not fit */
export function historyPageOf(query: RevisionQuery, rows: readonly Row[]): HistoryPage {
  const revisions: Revision[] = [];
  for (const row of rows) {
    const full = revisions.length === query.pageSize || row[ID] === null;
    if (full) return { revisions, next: revisions.at(-1)?.memory.revision };
    revisions.push(revisionOf(row));
  }
  return { revisions, next: undefined };
}

const SCOPES = ['', 'PERSONAL', 'TEAM', 'WORKSPACE'];
/** Most teams and categories that are named, largest first. */
const MOST_NAMED = 100;

export function storageInfoOf(rows: readonly Row[]): StorageInfo {
  const all = rows.find((row) => row[0] === Grouping.ALL);
  if (all === undefined) throw new Error('the storage statement returned no total');
  const counts = (grouping: string) =>
    rows
      .filter((row) => row[0] === grouping && row[2] !== '0')
      .map((row) => ({ name: text(row[1]), memories: Number(row[2]), contentBytes: Number(row[3]) }));
  const largest = (grouping: string) =>
    counts(grouping)
      .filter((count) => count.name !== '')
      .sort((a, b) => b.memories - a.memories || (a.name < b.name ? -1 : 1))
      .slice(0, MOST_NAMED);
  return {
    memories: Number(all[2]),
    contentBytes: Number(all[3]),
    deletedMemories: Number(all[4]),
    byScope: counts(Grouping.SCOPE)
      .sort((a, b) => Number(a.name) - Number(b.name))
      .map((count) => ({ ...count, name: SCOPES[Number(count.name)] ?? '' })),
    byTeam: largest(Grouping.TEAM),
    byCategory: largest(Grouping.CATEGORY),
    revision: Number(text(all[5])),
    at: microsOf(text(all[6])),
  };
}
