import type { Client, PoolClient } from 'pg';
import type { Database } from '../database/database.ts';
import type { CallContext } from '../domain/call-context.ts';
import type { PurgeAccount, PurgedBatch, PurgeRepository } from '../domain/purge-repository.ts';
import { toWriteError, translating } from './driver-errors.ts';
import { LOCK_WORKSPACE } from './retention-statements.ts';
import { plainArray, textArray } from './statements/array-literal.ts';
import {
  AUTHORED_IDS,
  BOUND_KEYS,
  FORGET_REQUESTS,
  FORGET_SETTINGS,
  NEWEST_CHANGE,
  PURGE_CHANGES,
  purgeCounts,
  purgeIds,
  purgePart,
  purgeWhole,
  RENAME_AUTHOR,
  RENAME_IN_AUDIT,
} from './statements/purge.ts';
import type { SqlValue, Statement } from './statements/statement.ts';

/** Change numbers of one look through the request log. */
const CHANGES_PER_PASS = 100_000;
const NO_ID = '00000000-0000-0000-0000-000000000000';

const INSERT_ACCOUNT = `
  INSERT INTO audit (workspace_id, key_id, author, peer, call_id, action, target, details)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb) RETURNING id`;
const UPDATE_ACCOUNT = 'UPDATE audit SET details = $2::jsonb, last_time = clock_timestamp() WHERE id = $1';
/** Counts are made anew, and every process forgets what it has opened: secrets of what is gone too. */
const FORGET_COPIES =
  "UPDATE cache_generations SET generation = generation + 1 WHERE cache IN ('opened_values', 'storage_info')";
const SWEPT = ['memories', 'memory_revisions', 'request_log', 'audit', 'settings', 'setting_revisions'];

export interface PurgeSweeper {
  /** Marks the space of what is gone for use, without the callers' waiting. */
  sweep(): void;
  /** Waits for the sweep that is under way. */
  stop(): Promise<void>;
}

/**
 * VACUUM of the tables a purge removes from, one at a time and in the background: so their dead rows are
 * compacted away and their space is written over soon. It blocks neither readers nor writers.
 */
export function createPurgeSweeper(
  database: Pick<Database, 'openWriteConnection'>,
  failed: (error: unknown) => void,
): PurgeSweeper {
  let running: Promise<void> | undefined;
  let again = false;
  let connection: Client | undefined;
  const run = async () => {
    connection = await database.openWriteConnection();
    try {
      for (const table of SWEPT) await connection.query(`VACUUM ${table}`);
    } finally {
      await connection.end();
    }
  };
  const sweep = () => {
    again = running !== undefined;
    running ??= run()
      .catch(failed)
      .finally(() => {
        running = undefined;
        if (again) sweep();
      });
  };
  return {
    sweep,
    stop: async () => {
      again = false;
      await running;
    },
  };
}

/** Purges in PostgreSQL. */
export function createPurgeRepository({ pool }: Pick<Database, 'pool'>, sweeper: PurgeSweeper): PurgeRepository {
  const rows = (call: CallContext, { text }: Statement, values: readonly SqlValue[]) =>
    translating(
      async () =>
        (
          await pool.query<(string | number | boolean | null)[]>(
            { rowMode: 'array', text, values: [...values] },
            call.signal,
          )
        ).rows,
    );

  /** Removes under the lock of the head, and keeps the account, in one transaction. */
  const locked = async <T>(call: CallContext, account: PurgeAccount, work: (client: PoolClient) => Promise<T>) => {
    try {
      return await pool.withClient(async (client) => {
        await client.query('BEGIN');
        await client.query({ text: LOCK_WORKSPACE, values: [call.workspaceId] });
        const done = await work(client);
        await keepAccount(client, account);
        await client.query('COMMIT');
        return done;
      });
    } catch (error) {
      throw toWriteError(error);
    }
  };

  return {
    counts: async (call, target) => {
      const { statement, values } = purgeCounts(call.workspaceId, target);
      const [[memories = 0, contentBytes = 0, revisions = 0] = []] = await rows(call, statement, values);
      return { memories: Number(memories), contentBytes: Number(contentBytes), revisions: Number(revisions) };
    },

    ids: async (call, target, afterId, limit) => {
      const { statement, values } = purgeIds(call.workspaceId, target, afterId ?? NO_ID, limit);
      return (await rows(call, statement, values)).map(([id]) => String(id));
    },

    changes: async (call, ids) =>
      (await rows(call, PURGE_CHANGES, [String(call.workspaceId), plainArray(ids)])).map(([id, change]) => ({
        id: String(id),
        changeNo: Number(change),
      })),

    forgetRequests: async (call, changes) => {
      let forgotten = 0;
      for (let from = 0; from < changes.length; from += CHANGES_PER_PASS) {
        const values = [String(call.workspaceId), plainArray(changes.slice(from, from + CHANGES_PER_PASS))];
        const { rowCount } = await translating(() => pool.query({ text: FORGET_REQUESTS.text, values }, call.signal));
        forgotten += rowCount ?? 0;
      }
      return forgotten;
    },

    removeBatch: (call, { target, ids, account, bumpCacheEpoch, mostRevisions }) =>
      locked(call, account, async (client): Promise<PurgedBatch> => {
        const { statement, values } =
          mostRevisions === undefined
            ? purgeWhole(call.workspaceId, target, ids, bumpCacheEpoch)
            : purgePart(call.workspaceId, target, ids, { mostRevisions, bumpCacheEpoch });
        const query = { rowMode: 'array' as const, text: statement.text, values: [...values] };
        const result = await client.query<[number, number | string, number[] | null, number | null]>(query);
        const [memories = 0, contentBytes = 0, changes, head] = result.rows[0] ?? [];
        const gone = changes ?? [];
        account.act = added(account, { memories, content_bytes: Number(contentBytes), revisions: gone.length });
        return {
          memories,
          contentBytes: Number(contentBytes),
          revisions: gone.length,
          changes: gone.map(Number),
          more: mostRevisions !== undefined && gone.length >= mostRevisions,
          head: head ?? undefined,
        };
      }),

    authored: async (call, { userId, authors }, after) => {
      const workspace = String(call.workspaceId);
      // First: what is committed up to it, the other statement sees.
      const [[head = 0] = []] = await rows(call, NEWEST_CHANGE, [workspace]);
      const found = await rows(call, AUTHORED_IDS, [workspace, textArray(authors), userId, String(after)]);
      return { ids: [...new Set(found.map(([id]) => String(id)))], upTo: Number(head) };
    },

    renameAuthor: (call, { ids, authors, instead, account, bumpCacheEpoch }) =>
      locked(call, account, async (client) => {
        const values = [call.workspaceId, plainArray(ids), textArray(authors), instead, bumpCacheEpoch];
        const query = { rowMode: 'array' as const, text: RENAME_AUTHOR.text, values };
        const [[revisions = 0, , head = 0] = []] = (await client.query<[number, number, number]>(query)).rows;
        account.act = added(account, { renamed_revisions: revisions });
        return { revisions, head };
      }),

    renameInAudit: async (call, { userId, authors, keyIds }, instead) => {
      const values = [call.workspaceId, userId, instead, textArray(authors), textArray(keyIds)];
      const renamed = await translating(() => pool.query({ text: RENAME_IN_AUDIT.text, values }));
      return renamed.rowCount ?? 0;
    },

    forgetSettings: async (call, { userId, authors }, instead) => {
      const values = [String(call.workspaceId), userId, instead, textArray(authors)];
      try {
        return Number((await rows(call, FORGET_SETTINGS, values))[0]?.[0] ?? 0);
      } catch (error) {
        throw toWriteError(error);
      }
    },

    boundKeys: async (call, userId) =>
      (await rows(call, BOUND_KEYS, [String(call.workspaceId), userId])).map(([id, name, revoked, shared]) => ({
        id: String(id),
        name: String(name),
        revoked: revoked === true,
        shared: shared === true,
      })),

    finish: async (_call, account) => {
      try {
        await pool.withClient(async (client) => {
          await client.query('BEGIN');
          await keepAccount(client, account);
          await client.query(FORGET_COPIES);
          await client.query('COMMIT');
        });
      } catch (error) {
        throw toWriteError(error);
      }
      sweeper.sweep();
    },
  };
}

/** The account after a batch: what it has counted, and what went now. */
function added({ act }: PurgeAccount, counts: Readonly<Record<string, number>>): PurgeAccount['act'] {
  const before = act.details ?? {};
  const sums = Object.entries(counts).map(([name, count]) => [name, Number(before[name] ?? 0) + count]);
  return { ...act, details: { ...before, ...Object.fromEntries(sums) } };
}

async function keepAccount(client: PoolClient, account: PurgeAccount): Promise<void> {
  const { act, auditId } = account;
  const details = JSON.stringify(act.details ?? {});
  if (auditId !== undefined) {
    await client.query({ text: UPDATE_ACCOUNT, values: [auditId, details] });
    return;
  }
  const { workspaceId, keyId, actor, peer, callId, action, target } = act;
  const values = [workspaceId, keyId, actor, peer, callId, action, target, details];
  const { rows } = await client.query<{ id: number }>({ text: INSERT_ACCOUNT, values });
  account.auditId = rows[0]?.id;
}
