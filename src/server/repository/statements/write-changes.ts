import { Operation, Scope } from '../../domain/memory.ts';
import { Field } from '../../domain/repository.ts';
import type { FieldType } from './record-array.ts';
import type { PlanCase, Statement } from './statement.ts';
import { timestampOf } from './statement.ts';

/** `kind` of an input row. */
export const Kind = { SAVE: 1, UPDATE: 2, DELETE: 3, RESTORE: 4 } as const;

/** What was decided about an input row; it was written only when the code is GO and its group whole. */
export const Code = {
  GO: 0,
  NOT_FOUND: 1,
  EXISTS: 2,
  ETAG_MISMATCH: 3,
  SCOPE_FIXED: 4,
  USER_FIXED: 5,
  TEAM_FIXED: 6,
  KEY_FIXED: 7,
  NOT_DELETED: 8,
  REVISION_NOT_FOUND: 9,
  REQUEST_ID_REUSED: 10,
  MISSING_ALLOWED: 11,
  REPLAY: 12,
  SEALED_UNKNOWN: 13,
  NO_WORKSPACE: 14,
} as const;

/**
 * The fields of an input row. `lookup` is the id, or NULL when the server has just made it, which saves
 * the search for what cannot be there. `mask` says which fields come from the input (all of them for a
 * save, none for a delete); `source` is the revision a restore takes them from. `grp` numbers the
 * request: requests that only validate are numbered each as if it had come alone. `sealed` has the
 * ciphertexts that go with the metadata; a JSON null stands for one to be kept as it is. Of the rows of a
 * request only the first has `request_hash`, and with it looks the request up in the log.
 */
export const INPUT = [
  ['ord', 'int4'],
  ['grp', 'int4'],
  ['ws', 'int4'],
  ['kind', 'int2'],
  ['id', 'uuid'],
  ['lookup', 'uuid'],
  ['expected', 'int8'],
  ['create_only', 'bool'],
  ['allow_missing', 'bool'],
  ['validate', 'bool'],
  ['bump', 'bool'],
  ['mask', 'int4'],
  ['source', 'int8'],
  ['scope', 'int2'],
  ['user_id', 'text'],
  ['team', 'text'],
  ['key', 'text'],
  ['category', 'text'],
  ['content', 'text'],
  ['tags', 'text[]'],
  ['metadata', 'jsonb'],
  ['sealed', 'jsonb'],
  ['expire_micros', 'int8'],
  ['ttl_micros', 'int8'],
  ['author', 'text'],
  ['note', 'text'],
  ['request_id', 'uuid'],
  ['request_hash', 'bytea'],
  ['bound_user', 'text'],
  ['bound_teams', 'text[]'],
] as const satisfies readonly (readonly [name: string, type: FieldType])[];

/**
 * The type of an input row. Every write connection makes its own, so that it is always the one this
 * program means, whichever version of it migrated the database last.
 */
export const INPUT_TYPE = 'pg_temp.write_row';
export const CREATE_INPUT_TYPE = `CREATE TYPE ${INPUT_TYPE} AS (${INPUT.map(([name, type]) => `${name} ${type}`).join(', ')})`;

/** The output: `ord`, these ... */
export const OUTPUT_NUMBERS = [
  'code',
  'etag',
  'head',
  'first_change',
  'changes',
  'revision',
  'change_no',
  'scope',
  'create_time',
  'update_time',
  'expire_time',
  'delete_time',
] as const;

/** ... and these, which come back as NULL where the input brought them. */
export const OUTPUT_TEXTS = ['user_id', 'team', 'key', 'category', 'content', 'tags', 'metadata'] as const;

/** The ciphertexts that go with new metadata: those of the input, and of the living row those to be kept. */
const SEALED = `CASE WHEN i.sealed IS NOT NULL THEN (
           SELECT jsonb_object_agg(x.key, coalesce(nullif(x.value, 'null'), CASE WHEN c.delete_time IS NULL
                    AND (c.expire_time IS NULL OR c.expire_time > t.now) THEN c.sealed -> x.key END))
             FROM jsonb_each(i.sealed) x) END`;

/** Whether one was to be kept that is not there. */
const SEALED_LOST = `mask & ${Field.METADATA} > 0 AND sealed IS NOT NULL AND jsonb_path_exists(sealed, '$.* ? (@ == null)')`;

/** A field's new value: the input's, that of the restored revision, or the present one. */
function field(name: string, bit: number, input: string): string {
  return `CASE WHEN i.mask & ${bit} > 0 THEN ${input} WHEN i.source > 0 THEN s.${name} ELSE c.${name} END`;
}

/**
 * The one statement that writes memories. It runs under the locks of LOCK_HEADS and in the same
 * transaction, with a snapshot newer than the locks, so that everything it decides on is exact:
 * no other write of these workspaces can come between.
 *
 *  t  the time, read once and after the lock;
 *  i  the batch;
 *  h  the heads of its workspaces;
 *  f  with what is there now, what the request log knows, and the values as they would become;
 *  d  what to do with each row (Code);
 *  n  whether every row of the request can go, and the change numbers, counted on from the head in the
 *     order of the batch: arrays by place, for a window over whole rows copies each of them twice;
 *  e  the rows as they will be;
 *  then memories, history, request log and heads are written, and the outcome of every row returned.
 *
 * All joins are by primary key or unique index. OFFSET 0 keeps the planner from copying what f
 * computes to each place that asks for it, and from reading the whole log for each row: that is what it
 * plans when the log was empty as statistics were last taken, be it after an import or a weekend, and it
 * keeps that plan while the log grows. What is there and what is not is known, so rows are inserted or
 * updated, which is cheaper than ON CONFLICT finding out again. A validate_only request gets the numbers
 * it would have had if it had come alone, and is written nowhere. The second parameter are the workspaces.
 *
 * @param whole whether all rows of a row's request can go
 * @param logged the request log's rows, from e
 */
function writeChanges(name: string, whole: string, logged: string): Statement {
  return {
    kind: 'write_changes',
    name,
    text: `
WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now),
i AS (SELECT * FROM unnest($1::${INPUT_TYPE}[])),
h AS MATERIALIZED (SELECT workspace_id, head FROM workspace_heads WHERE workspace_id = ANY($2::int4[])),
f AS (
  SELECT i.ord, i.grp, i.ws, i.kind, i.id, i.expected, i.create_only, i.allow_missing, i.validate, i.bump, i.mask,
         i.source, i.author, i.note, i.request_id, i.request_hash, h.head,
         l.request_hash IS NOT NULL AS seen,
         l.request_hash = i.request_hash AS same, l.first_change, l.changes,
         c.id IS NOT NULL AS there, c.delete_time IS NOT NULL AS deleted, c.change_no AS cur_change,
         c.id IS NOT NULL AND c.delete_time IS NULL AND (c.expire_time IS NULL OR c.expire_time > t.now) AS living,
         s.revision IS NOT NULL AS source_there,
         CASE WHEN i.bound_user IS NULL THEN true ELSE CASE coalesce(c.scope, i.scope)
           WHEN ${Scope.PERSONAL} THEN i.bound_user <> '' AND coalesce(c.user_id, i.user_id) = i.bound_user
           WHEN ${Scope.TEAM} THEN coalesce(c.team, i.team) = ANY(i.bound_teams)
           ELSE true END END AS reached,
         CASE WHEN c.scope <> i.scope THEN ${Code.SCOPE_FIXED} WHEN c.user_id <> i.user_id THEN ${Code.USER_FIXED}
              WHEN c.team <> i.team THEN ${Code.TEAM_FIXED} WHEN c.key <> i.key THEN ${Code.KEY_FIXED}
              ELSE ${Code.GO} END AS owner_code,
         coalesce(c.revision, 0) + 1 AS revision, coalesce(c.scope, i.scope) AS scope,
         coalesce(c.user_id, i.user_id) AS user_id, coalesce(c.team, i.team) AS team, coalesce(c.key, i.key) AS key,
         ${field('category', Field.CATEGORY, 'i.category')} AS category,
         ${field('content', Field.CONTENT, 'i.content')} AS content,
         ${field('tags', Field.TAGS, 'i.tags')} AS tags,
         ${field('metadata', Field.METADATA, 'i.metadata')} AS metadata,
         c.create_time AS cur_create, u.update_time,
         ${field('sealed', Field.METADATA, SEALED)} AS sealed,
         ${field('expire_time', Field.EXPIRY, `coalesce(${timestampOf('i.expire_micros')}, u.update_time + i.ttl_micros * interval '1 microsecond')`)} AS expire_time
    FROM i CROSS JOIN t
    LEFT JOIN h ON h.workspace_id = i.ws
    LEFT JOIN memories c ON c.workspace_id = i.ws AND c.id = i.lookup
    LEFT JOIN LATERAL (
      SELECT request_hash, first_change, changes FROM request_log
       WHERE workspace_id = i.ws AND request_id = CASE WHEN i.request_hash IS NOT NULL THEN i.request_id END
      OFFSET 0) l ON true
    LEFT JOIN memory_revisions s ON s.workspace_id = i.ws AND s.memory_id = i.lookup AND s.revision = nullif(i.source, 0)
    CROSS JOIN LATERAL (SELECT greatest(t.now, c.update_time + interval '1 microsecond') AS update_time) u
  OFFSET 0
),
d AS MATERIALIZED (
  SELECT ord, grp, ws, validate, head, CASE
      WHEN head IS NULL THEN ${Code.NO_WORKSPACE}
      WHEN seen THEN CASE WHEN same THEN ${Code.REPLAY} ELSE ${Code.REQUEST_ID_REUSED} END
      WHEN kind = ${Kind.SAVE} THEN CASE
        WHEN NOT reached THEN ${Code.NOT_FOUND}
        WHEN create_only AND living THEN ${Code.EXISTS}
        WHEN expected IS NOT NULL AND NOT (living AND cur_change = expected) THEN ${Code.ETAG_MISMATCH}
        WHEN ${SEALED_LOST} THEN ${Code.SEALED_UNKNOWN}
        ELSE owner_code END
      WHEN kind = ${Kind.RESTORE} THEN CASE
        WHEN NOT reached OR NOT (living OR deleted) THEN ${Code.NOT_FOUND}
        WHEN expected <> cur_change THEN ${Code.ETAG_MISMATCH}
        WHEN source = 0 AND living THEN ${Code.NOT_DELETED}
        WHEN source > 0 AND NOT source_there THEN ${Code.REVISION_NOT_FOUND}
        ELSE ${Code.GO} END
      WHEN NOT reached OR NOT living THEN CASE WHEN allow_missing THEN ${Code.MISSING_ALLOWED} ELSE ${Code.NOT_FOUND} END
      WHEN expected <> cur_change THEN ${Code.ETAG_MISMATCH}
      WHEN ${SEALED_LOST} THEN ${Code.SEALED_UNKNOWN}
      ELSE ${Code.GO} END AS code,
      kind, living, there, bump, mask, id, revision, update_time, cur_create, expire_time, cur_change, first_change, changes,
      request_id, request_hash, scope, user_id, team, key, category, content, tags, metadata, sealed, author, note
    FROM f
),
n AS MATERIALIZED (
  SELECT array_agg(change_no ORDER BY ord) AS change_nos, array_agg(whole ORDER BY ord) AS wholes
    FROM (SELECT w.*, head + count(*) FILTER (WHERE code = ${Code.GO} AND whole)
                        OVER (PARTITION BY ws, CASE WHEN validate THEN grp END ORDER BY ord) AS change_no
            FROM (SELECT ord, grp, ws, validate, head, code, ${whole} AS whole FROM d) w) g
),
g AS NOT MATERIALIZED (
  SELECT d.*, (SELECT change_nos FROM n)[ord + 1] AS change_no, (SELECT wholes FROM n)[ord + 1] AS whole FROM d
),
e AS NOT MATERIALIZED (
  SELECT g.*, code = ${Code.GO} AND whole AS go, code = ${Code.GO} AND whole AND NOT validate AS written,
         CASE kind WHEN ${Kind.SAVE} THEN CASE WHEN living THEN ${Operation.UPDATE} ELSE ${Operation.CREATE} END
                   WHEN ${Kind.UPDATE} THEN ${Operation.UPDATE} WHEN ${Kind.DELETE} THEN ${Operation.DELETE}
                   ELSE ${Operation.RESTORE} END AS operation,
         CASE WHEN kind = ${Kind.SAVE} AND NOT living THEN update_time ELSE cur_create END AS create_time,
         CASE WHEN kind = ${Kind.DELETE} THEN update_time END AS delete_time,
         CASE WHEN kind <> ${Kind.RESTORE} OR expire_time > update_time THEN expire_time END AS new_expire
    FROM g
),
created AS (
  INSERT INTO memories (workspace_id, id, revision, change_no, key, scope, user_id, team, category, content, tags,
                        metadata, sealed, author, create_time, update_time, expire_time, delete_time)
  SELECT ws, id, revision, change_no, key, scope, user_id, team, category, content, tags,
         metadata, sealed, author, create_time, update_time, new_expire, delete_time
    FROM e WHERE written AND NOT there
),
changed AS (
  UPDATE memories m SET
    revision = e.revision, change_no = e.change_no, category = e.category, content = e.content, tags = e.tags,
    metadata = e.metadata, sealed = e.sealed, author = e.author, create_time = e.create_time, update_time = e.update_time,
    expire_time = e.new_expire, delete_time = e.delete_time
    FROM e WHERE e.written AND e.there AND m.workspace_id = e.ws AND m.id = e.id
),
history AS (
  INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, note, key, scope, user_id, team,
                                category, content, tags, metadata, sealed, author, create_time, update_time,
                                expire_time, delete_time)
  SELECT ws, change_no, id, revision, operation, note, key, scope, user_id, team,
         category, content, tags, metadata, sealed, author, create_time, update_time, new_expire, delete_time
    FROM e WHERE written
),
log AS (
  INSERT INTO request_log (workspace_id, request_id, request_hash, first_change, changes, at)
  ${logged}
),
advance AS (
  UPDATE workspace_heads h SET head = h.head + n.written, cache_epoch = h.cache_epoch + n.bumps
    FROM (SELECT ws, count(*) FILTER (WHERE written) AS written, count(*) FILTER (WHERE bump AND NOT validate) AS bumps
            FROM e GROUP BY ws) n
   WHERE h.workspace_id = n.ws AND (n.written > 0 OR n.bumps > 0)
)
SELECT ord, code, CASE WHEN living OR kind = ${Kind.RESTORE} THEN cur_change ELSE 0 END, head, first_change, changes,
       revision, change_no, scope, create_time, update_time, new_expire, delete_time,
       CASE WHEN kind <> ${Kind.SAVE} THEN user_id END, CASE WHEN kind <> ${Kind.SAVE} THEN team END,
       CASE WHEN kind <> ${Kind.SAVE} THEN key END, CASE WHEN mask & ${Field.CATEGORY} = 0 THEN category END,
       CASE WHEN mask & ${Field.CONTENT} = 0 THEN content END, CASE WHEN mask & ${Field.TAGS} = 0 THEN tags END,
       CASE WHEN mask & ${Field.METADATA} = 0 THEN metadata END
  FROM e`,
  };
}

const PASSES = `code IN (${Code.GO}, ${Code.MISSING_ALLOWED})`;

const LOGGED = 'whole AND NOT validate AND request_id IS NOT NULL';

/** For requests of one change each. */
export const WRITE_SINGLES = writeChanges(
  'write_singles',
  PASSES,
  `SELECT ws, request_id, request_hash, CASE WHEN go THEN change_no ELSE head END, go::int4, update_time
    FROM e WHERE ${LOGGED}`,
);

/** For requests of several changes each, of which all are done or none. */
export const WRITE_TOGETHER = writeChanges(
  'write_together',
  `bool_and(${PASSES}) OVER (PARTITION BY grp)`,
  `SELECT ws, request_id, (array_agg(request_hash) FILTER (WHERE request_hash IS NOT NULL))[1], coalesce(min(change_no) FILTER (WHERE go), min(head)),
         count(*) FILTER (WHERE go), min(update_time)
    FROM e WHERE ${LOGGED} GROUP BY ws, request_id`,
);

export const planCases: readonly PlanCase[] = [WRITE_SINGLES, WRITE_TOGETHER].map((statement) => ({
  title: `${statement.name}`,
  statement,
  values: ['{}', '{}'],
  indexes: ['workspace_heads_pkey', 'memories_pkey', 'request_log_pkey', 'memory_revisions_memory'],
}));
