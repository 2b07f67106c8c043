import { type Memory, type Revision, Scope } from '../../shared/gen/memoryhub/v1/memory.ts';
import { msFromTimestamp } from '../../shared/time.ts';
import type { MemoryRow, RevisionRow } from '../state/memories/browser.ts';

/** As much of a text as a row of the widest terminal shows. */
const TEXT_HEAD = 400;
const TAGS_KEPT = 16;

/** What the list keeps of a memory. */
export function rowOf(memory: Memory, withText: boolean): MemoryRow {
  return {
    id: memory.id,
    key: memory.key,
    owner: ownerOf(memory),
    category: memory.category,
    tags: memory.tags.slice(0, TAGS_KEPT),
    createMs: memory.createTime === undefined ? 0 : msFromTimestamp(memory.createTime),
    updateMs: memory.updateTime === undefined ? 0 : msFromTimestamp(memory.updateTime),
    text: withText ? memory.content.slice(0, TEXT_HEAD) : undefined,
  };
}

/** What the history keeps of a revision. */
export function revisionRowOf({ revision, operation, author, note, createTime }: Revision): RevisionRow {
  return {
    revision: Number(revision),
    operation,
    author,
    note,
    createMs: createTime === undefined ? 0 : msFromTimestamp(createTime),
  };
}

function ownerOf({ scope, userId, team }: Memory): string {
  if (scope === Scope.PERSONAL) return `personal:${userId}`;
  return scope === Scope.TEAM ? `team:${team}` : 'workspace';
}
