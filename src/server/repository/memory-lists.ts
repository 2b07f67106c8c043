import { ServiceError } from '../domain/errors.ts';
import type { Revision } from '../domain/memory.ts';
import type { HistoryPage, RevisionQuery, StorageInfo } from '../domain/repository.ts';
import { MEMORY_COLUMNS, microsOf, type Row, revisionOf, text } from './memory-rows.ts';
import type { SqlValue } from './statements/statement.ts';
import { Grouping } from './statements/storage-info.ts';

const ID = MEMORY_COLUMNS.indexOf('id');

/** @throws ServiceError INVALID_TOKEN */
export function checkKept(kept: SqlValue | undefined): void {
  if (kept !== 't') throw notKept();
}

/** The state an export shows is not kept any more. */
export function notKept(): ServiceError {
  return new ServiceError('INVALID_TOKEN', 'the history this export needs is no longer kept; start a new export');
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
