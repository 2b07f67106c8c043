import type { PurgeTarget } from '../../domain/purge-repository.ts';
import { filterSql, Parameters } from '../filter-sql.ts';
import { plainArray } from './array-literal.ts';
import type { PlanCase, SqlValue, Statement } from './statement.ts';

/*
 * The statements of a purge. None of them has a name: a purge is rare, and better planned for its values
 * than kept prepared. Those that remove run under the lock of the workspace's head, as all writes do,
 * on a bounded number of rows, so that no writer waits for long.
 */

export interface PurgeStatement {
  readonly statement: Statement;
  readonly values: readonly SqlValue[];
}

const NO_ID = '00000000-0000-0000-0000-000000000000';

/** What a purge is after, as a condition on the alias `m`: living and dead memories alike. */
function targetSql(target: PurgeTarget, parameters: Parameters): string {
  switch (target.kind) {
    case 'ids':
      return `m.id = ANY(${parameters.add(plainArray(target.ids), 'uuid[]')})`;
    case 'filter':
      return filterSql(target.filter, parameters, 'm');
    case 'user':
      return `(m.user_id = ${parameters.add(target.userId, 'text')} AND m.user_id <> '')`;
  }
}

/** Ids of what matches behind `afterId`, in order. */
export function purgeIds(workspaceId: number, target: PurgeTarget, afterId: string, limit: number): PurgeStatement {
  const parameters = new Parameters();
  const workspace = parameters.add(workspaceId, 'int4');
  const after = parameters.add(afterId, 'uuid');
  return {
    statement: {
      kind: 'purge_ids',
      name: undefined,
      text: `
SELECT m.id FROM memories m
 WHERE m.workspace_id = ${workspace} AND m.id > ${after} AND ${targetSql(target, parameters)}
 ORDER BY m.id LIMIT ${parameters.add(limit, 'int8')}`,
    },
    values: parameters.values,
  };
}

/** How much would go: memories, bytes of their contents, entries of their history. */
export function purgeCounts(workspaceId: number, target: PurgeTarget): PurgeStatement {
  const parameters = new Parameters();
  const workspace = parameters.add(workspaceId, 'int4');
  return {
    statement: {
      kind: 'purge_counts',
      name: undefined,
      text: `
SELECT count(*), coalesce(sum(octet_length(m.content)), 0),
       coalesce(sum((SELECT count(*) FROM memory_revisions r WHERE r.workspace_id = ${workspace} AND r.memory_id = m.id)), 0)
  FROM memories m WHERE m.workspace_id = ${workspace} AND ${targetSql(target, parameters)}`,
    },
    values: parameters.values,
  };
}

/** The changes of these memories, by which the request log knows them. Values: workspace, ids. */
export const PURGE_CHANGES: Statement = {
  kind: 'purge_changes',
  name: undefined,
  text: 'SELECT memory_id, change_no FROM memory_revisions WHERE workspace_id = $1::int4 AND memory_id = ANY($2::uuid[])',
};

/**
 * The head of the workspace moves on by a change that has no row: a state from before it cannot be shown
 * any more, and one that begins after it can.
 *
 * @param when rows that are there if anything was removed
 */
function tellHead(workspace: string, bumpCacheEpoch: boolean, when: string): string {
  return `
       UPDATE workspace_heads SET head = head + 1, history_from = head + 1, cache_epoch = cache_epoch + ${bumpCacheEpoch ? 1 : 0}
        WHERE workspace_id = ${workspace} AND EXISTS (SELECT FROM ${when}) RETURNING head`;
}

/**
 * Removes those of the memories that still match, with their whole history, at once: each row is looked
 * for once.
 */
export function purgeWhole(
  workspaceId: number,
  target: PurgeTarget,
  ids: readonly string[],
  bumpCacheEpoch: boolean,
): PurgeStatement {
  const parameters = new Parameters();
  const workspace = parameters.add(workspaceId, 'int4');
  const wanted = parameters.add(plainArray(ids), 'uuid[]');
  return {
    statement: {
      kind: 'purge_whole',
      name: undefined,
      text: `
WITH gone AS (
       DELETE FROM memories m
        WHERE m.workspace_id = ${workspace} AND m.id = ANY(${wanted}) AND ${targetSql(target, parameters)}
       RETURNING m.id, octet_length(m.content) AS bytes),
     erased AS (
       DELETE FROM memory_revisions r USING gone
        WHERE r.workspace_id = ${workspace} AND r.memory_id = gone.id RETURNING r.change_no),
     told AS (${tellHead(workspace, bumpCacheEpoch, 'gone')})
SELECT (SELECT count(*) FROM gone), (SELECT coalesce(sum(bytes), 0) FROM gone),
       (SELECT array_agg(change_no) FROM erased), (SELECT head FROM told)`,
    },
    values: parameters.values,
  };
}

/**
 * As purgeWhole, for histories that may be longer than a transaction should be: oldest entries first, and
 * a memory goes with the last of them.
 */
export function purgePart(
  workspaceId: number,
  target: PurgeTarget,
  ids: readonly string[],
  options: { readonly mostRevisions: number; readonly bumpCacheEpoch: boolean },
): PurgeStatement {
  const parameters = new Parameters();
  const workspace = parameters.add(workspaceId, 'int4');
  const wanted = parameters.add(plainArray(ids), 'uuid[]');
  const most = parameters.add(options.mostRevisions, 'int8');
  return {
    statement: {
      kind: 'purge_part',
      name: undefined,
      text: `
WITH doomed AS MATERIALIZED (
       SELECT m.id, octet_length(m.content) AS bytes FROM memories m
        WHERE m.workspace_id = ${workspace} AND m.id = ANY(${wanted}) AND ${targetSql(target, parameters)}),
     history AS MATERIALIZED (
       SELECT r.change_no FROM doomed JOIN memory_revisions r ON r.workspace_id = ${workspace} AND r.memory_id = doomed.id
        ORDER BY r.memory_id, r.revision LIMIT ${most}),
     erased AS (
       DELETE FROM memory_revisions r USING history
        WHERE r.workspace_id = ${workspace} AND r.change_no = history.change_no RETURNING r.change_no),
     gone AS (
       DELETE FROM memories m USING doomed
        WHERE m.workspace_id = ${workspace} AND m.id = doomed.id AND (SELECT count(*) FROM history) < ${most}
       RETURNING doomed.bytes),
     told AS (${tellHead(workspace, options.bumpCacheEpoch, 'doomed')})
SELECT (SELECT count(*) FROM gone), (SELECT coalesce(sum(bytes), 0) FROM gone),
       (SELECT array_agg(change_no) FROM erased), (SELECT head FROM told)`,
    },
    values: parameters.values,
  };
}

/**
 * Forgets the requests that made any of these changes: with the hash of a request, short contents could
 * be guessed. In one pass over the log, which has no index for it (every write would pay for one), and
 * with a look into a hash table for each entry. Without the lock: a request whose entry is gone is only
 * not recognised any more. Values: workspace, change numbers.
 */
export const FORGET_REQUESTS: Statement = {
  kind: 'forget_requests',
  name: undefined,
  text: `
DELETE FROM request_log l
 WHERE l.workspace_id = $1::int4
   AND (l.first_change = ANY($2::int8[])
        OR l.changes > 1 AND EXISTS (SELECT FROM generate_series(l.first_change + 1, l.first_change + l.changes - 1) AS n
                                      WHERE n = ANY($2::int8[])))`,
};

/** The newest change of a workspace. Values: workspace. */
export const NEWEST_CHANGE: Statement = {
  kind: 'newest_change',
  name: undefined,
  text: 'SELECT head FROM workspace_heads WHERE workspace_id = $1::int4',
};

/**
 * Memories of others than a user that any of these authors wrote to after a change, living or not, once
 * for each time: in the order of the history, one pass over it is cheap, and any other is not.
 * Values: workspace, authors, user, change.
 */
export const AUTHORED_IDS: Statement = {
  kind: 'authored_ids',
  name: undefined,
  text: `
SELECT memory_id FROM memory_revisions
 WHERE workspace_id = $1::int4 AND author = ANY($2::text[]) AND user_id <> $3::text AND change_no > $4::int8`,
};

/**
 * Puts another name in the place of an author, in memories and their history. It is no change of theirs;
 * but states from before cannot be shown as they were any more.
 * Values: workspace, ids, authors, name instead, whether to bump the cache epoch.
 */
export const RENAME_AUTHOR: Statement = {
  kind: 'rename_author',
  name: undefined,
  text: `
WITH memory AS (
       UPDATE memories SET author = $4::text
        WHERE workspace_id = $1::int4 AND id = ANY($2::uuid[]) AND author = ANY($3::text[]) RETURNING 1),
     history AS (
       UPDATE memory_revisions SET author = $4::text
        WHERE workspace_id = $1::int4 AND memory_id = ANY($2::uuid[]) AND author = ANY($3::text[]) RETURNING 1),
     told AS (
       UPDATE workspace_heads SET head = head + 1, history_from = head + 1,
              cache_epoch = cache_epoch + CASE WHEN $5::boolean THEN 1 ELSE 0 END
        WHERE workspace_id = $1::int4 RETURNING head)
SELECT (SELECT count(*) FROM history), (SELECT count(*) FROM memory), (SELECT head FROM told)`,
};

/**
 * Takes a user out of a workspace's audit trail: as the one who acted or was refused, by token or by a key
 * of its own, with where that came from; and as the one a key was made for, with the key's name. Rows of
 * refused access are not counted on, or two could become the same.
 * Values: workspace, user, name instead, its authors, its keys.
 */
export const RENAME_IN_AUDIT: Statement = {
  kind: 'rename_in_audit',
  name: undefined,
  text: `
WITH named AS MATERIALIZED (
       SELECT id, author = ANY($4::text[]) OR key_id = ANY($5::text[]) OR key_id = 'oidc:' || $2::text AS by_user,
              coalesce(details ->> 'user_id' = $2::text, false) AS about_user
         FROM audit WHERE workspace_id = $1::int4)
UPDATE audit a
   SET author = CASE WHEN by_user THEN $3::text ELSE author END,
       key_id = CASE WHEN key_id = 'oidc:' || $2::text THEN 'oidc:' || $3::text ELSE key_id END,
       peer = CASE WHEN by_user THEN '' ELSE peer END,
       details = CASE WHEN NOT about_user THEN details
                      WHEN action = 'CreateApiKey' THEN details || jsonb_build_object('user_id', $3::text, 'name', $3::text)
                      ELSE details || jsonb_build_object('user_id', $3::text) END,
       period = NULL
  FROM named WHERE named.id = a.id AND (by_user OR about_user)`,
};

/**
 * Removes the settings of a user with their history, and takes its names out of those of others. Both
 * tables are small. Values: workspace, user, name instead, its authors.
 */
export const FORGET_SETTINGS: Statement = {
  kind: 'forget_settings',
  name: undefined,
  text: `
WITH gone AS (DELETE FROM settings WHERE workspace_id = $1::int4 AND user_id = $2::text RETURNING 1),
     history AS (DELETE FROM setting_revisions WHERE workspace_id = $1::int4 AND user_id = $2::text),
     renamed AS (UPDATE settings SET author = $3::text
                  WHERE workspace_id = $1::int4 AND user_id <> $2::text AND author = ANY($4::text[])),
     earlier AS (UPDATE setting_revisions SET author = $3::text
                  WHERE workspace_id = $1::int4 AND user_id <> $2::text AND author = ANY($4::text[])),
     told AS (UPDATE cache_generations SET generation = generation + 1 WHERE cache = 'configuration')
SELECT count(*) FROM gone`,
};

/** The keys of a user, and whether another key has the same name. Values: workspace, user. */
export const BOUND_KEYS: Statement = {
  kind: 'bound_keys',
  name: undefined,
  text: `
SELECT k.id, k.name, k.revoke_time IS NOT NULL,
       EXISTS (SELECT FROM api_keys o WHERE o.workspace_id = $1::int4 AND o.name = k.name AND o.user_id <> $2::text)
  FROM api_keys k WHERE k.workspace_id = $1::int4 AND k.user_id = $2::text ORDER BY k.id`,
};

const IDS = ['018f0000-0000-7000-8000-000000000000'];
const OF_IDS: PurgeTarget = { kind: 'ids', ids: IDS };
const OF_USER: PurgeTarget = { kind: 'user', userId: 'user1' };
const OF_FILTER: PurgeTarget = {
  kind: 'filter',
  filter: { op: 'text', field: 'category', comparator: '=', value: 'cat1' },
};
const ALL_OF_THEM = ['memories_pkey', 'memory_revisions_memory', 'memory_revisions_pkey', 'workspace_heads_pkey'];
const PART = { mostRevisions: 2000, bumpCacheEpoch: false };
const UUIDS = `{${IDS.join()}}`;

export const planCases: readonly PlanCase[] = [
  { title: 'purge ids', ...purgeIds(1, OF_IDS, NO_ID, 100), indexes: ['memories_pkey'] },
  { title: 'purge a user', ...purgeIds(1, OF_USER, NO_ID, 100), indexes: ['memories_user_id'] },
  { title: 'purge by a filter', ...purgeIds(1, OF_FILTER, NO_ID, 100), indexes: 'one' },
  { title: 'count ids', ...purgeCounts(1, OF_IDS), indexes: ['memories_pkey', 'memory_revisions_memory'] },
  { title: 'count a user', ...purgeCounts(1, OF_USER), indexes: ['memories_user_id', 'memory_revisions_memory'] },
  {
    title: 'memories with their histories',
    ...purgeWhole(1, OF_USER, IDS, false),
    indexes: ['memories_pkey', 'memory_revisions_memory', 'workspace_heads_pkey'],
  },
  { title: 'part of a long history', ...purgePart(1, OF_USER, IDS, PART), indexes: ALL_OF_THEM },
  { title: 'changes of a purge', statement: PURGE_CHANGES, values: ['1', UUIDS], indexes: ['memory_revisions_memory'] },
  {
    title: 'authored',
    statement: AUTHORED_IDS,
    values: ['1', '{me}', 'user1', '0'],
    indexes: ['memory_revisions_pkey'],
  },
  { title: 'newest change', statement: NEWEST_CHANGE, values: ['1'], indexes: ['workspace_heads_pkey'] },
  {
    title: 'rename an author',
    statement: RENAME_AUTHOR,
    values: ['1', UUIDS, '{me}', 'erased', 'false'],
    indexes: ['memories_pkey', 'memory_revisions_memory', 'workspace_heads_pkey'],
  },
  {
    title: 'rename in the audit',
    statement: RENAME_IN_AUDIT,
    values: ['1', 'me', 'erased', '{me}', '{k}'],
    indexes: ['audit_pkey', 'audit_workspace'],
  },
  { title: 'keys of a user', statement: BOUND_KEYS, values: ['1', 'u'], indexes: ['api_keys_workspace'] },
];
