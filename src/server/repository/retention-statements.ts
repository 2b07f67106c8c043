/**
 * The statements of the retention job. Each handles a bounded number of rows, so that none holds a
 * lock for longer than a batch of the service's own writes. They carry no names: run seldom, they are
 * better planned for their values than kept prepared. Cutoffs are in microseconds since 1970.
 */

const TIME = (parameter: string) => `(timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond')`;

export const DATABASE_NOW = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint';

/**
 * Takes the lease of a job, or prolongs it. No row: another process has it, or it ran already.
 * $1 job, $2 holder, $3 milliseconds of the lease, $4 milliseconds since the last run.
 */
export const CLAIM_JOB = `
  UPDATE jobs SET holder = $2, lease_until = clock_timestamp() + $3::float8 * interval '1 millisecond'
   WHERE name = (SELECT name FROM jobs
                  WHERE name = $1
                    AND (holder = $2 OR lease_until IS NULL OR lease_until < clock_timestamp())
                    AND (last_run IS NULL OR last_run <= clock_timestamp() - $4::float8 * interval '1 millisecond')
                    FOR UPDATE SKIP LOCKED)
  RETURNING name`;

/** Lays a job down. $1 job, $2 holder, $3 whether it was finished. */
export const RELEASE_JOB = `
  UPDATE jobs SET holder = '', lease_until = NULL,
                  last_run = CASE WHEN $3::boolean THEN clock_timestamp() ELSE last_run END
   WHERE name = $1 AND holder = $2`;

export const WORKSPACE_IDS = 'SELECT workspace_id FROM workspace_heads ORDER BY workspace_id';

/**
 * The writers of a workspace decide under this lock what is there. Without it a save or restore could
 * find a dead memory that is gone when it writes. $1 workspace.
 */
export const LOCK_WORKSPACE = 'SELECT head FROM workspace_heads WHERE workspace_id = $1 FOR NO KEY UPDATE';

/**
 * Removes dead memories of one workspace with their whole history. A history that is longer than a
 * batch goes in several, oldest entries first, and its memory with the last of them. From the first of
 * them on the workspace cannot be shown any more as it was while one of them lived.
 * $1 workspace, $2 cutoff, $3 most memories, $4 most revisions.
 */
const purge = (column: 'delete_time' | 'expire_time') => `
  WITH dead AS MATERIALIZED (
         SELECT id, change_no, expire_time FROM memories
          WHERE workspace_id = $1 AND ${column} < ${TIME('$2')}
          ORDER BY ${column} LIMIT $3 FOR UPDATE SKIP LOCKED),
       doomed AS MATERIALIZED (
         SELECT r.change_no FROM dead JOIN memory_revisions r ON r.workspace_id = $1 AND r.memory_id = dead.id
          ORDER BY r.memory_id, r.revision LIMIT $4),
       history AS (
         DELETE FROM memory_revisions r USING doomed
          WHERE r.workspace_id = $1 AND r.change_no = doomed.change_no RETURNING 1),
       gone AS (
         DELETE FROM memories m USING dead
          WHERE m.workspace_id = $1 AND m.id = dead.id AND (SELECT count(*) FROM doomed) < $4 RETURNING 1),
       told AS (
         UPDATE workspace_heads
            SET history_from = greatest(history_from, (SELECT max(change_no) FROM dead)),
                expired_from = greatest(expired_from, (SELECT max(expire_time) FROM dead)),
                deleted_from = clock_timestamp()
          WHERE workspace_id = $1 AND EXISTS (SELECT FROM dead))
  SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM history)`;

export const PURGE_DELETED = purge('delete_time');
export const PURGE_EXPIRED = purge('expire_time');

/**
 * Removes revisions that a later one had replaced before the cutoff. Walks the history in the order of
 * changes up to the cutoff: each revision it meets makes those before it removable, never itself. So
 * the newest of a memory always stays, and every state since the cutoff can still be shown. States
 * before a change whose predecessors went cannot, and the workspace's head says so.
 * $1 workspace, $2 change number to go on after, $3 cutoff, $4 most revisions to look at.
 */
export const PRUNE_REVISIONS = `
  WITH page AS MATERIALIZED (
         SELECT change_no, memory_id, revision, update_time FROM memory_revisions
          WHERE workspace_id = $1 AND change_no > $2 ORDER BY change_no LIMIT $4),
       old AS MATERIALIZED (
         SELECT change_no, memory_id, revision FROM page
          WHERE change_no < coalesce((SELECT min(change_no) FROM page WHERE update_time >= ${TIME('$3')}),
                                     9223372036854775807)),
       kept AS MATERIALIZED (
         SELECT memory_id, max(revision) AS revision, max(change_no) AS change_no FROM old GROUP BY memory_id),
       gone AS (
         DELETE FROM memory_revisions r USING kept
          WHERE r.workspace_id = $1 AND r.memory_id = kept.memory_id AND r.revision < kept.revision
          RETURNING kept.change_no),
       told AS (
         UPDATE workspace_heads SET history_from = greatest(history_from, (SELECT max(change_no) FROM gone))
          WHERE workspace_id = $1 AND EXISTS (SELECT FROM gone))
  SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM old), (SELECT max(change_no) FROM old)`;

/** Pages of the request log that one delete looks through: some 20,000 rows. */
export const LOG_SLICE_PAGES = 256;

/** Slices of the request log that hold something to delete, found through the BRIN index. $1 cutoff. */
export const EXPIRED_LOG_SLICES = `
  SELECT DISTINCT ((ctid::text::point)[0])::bigint / ${LOG_SLICE_PAGES} AS slice
    FROM request_log WHERE at < ${TIME('$1')} ORDER BY slice`;

/** Empties one slice, by the place of its rows: none is walked over twice. $1 cutoff, $2 and $3 TIDs. */
export const PRUNE_LOG_SLICE = `
  DELETE FROM request_log WHERE ctid >= $2::tid AND ctid < $3::tid AND at < ${TIME('$1')}`;

/** Removes the oldest entries of the audit trail. $1 cutoff, $2 most entries. */
export const PRUNE_AUDIT = `
  DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ${TIME('$1')} ORDER BY at LIMIT $2)`;

/** What was purged may stand in caches, where a read that shows deleted memories would find it. */
export const BUMP_CACHE_EPOCH = {
  name: 'retention_bump_cache_epoch',
  text: 'UPDATE workspace_heads SET cache_epoch = cache_epoch + 1 WHERE workspace_id = $1',
};
