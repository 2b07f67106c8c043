import type { ConnectionPool } from '../database/connection-pool.ts';
import {
  BUMP_CACHE_EPOCH,
  DATABASE_NOW,
  EXPIRED_LOG_SLICES,
  LOCK_WORKSPACE,
  LOG_SLICE_PAGES,
  PRUNE_AUDIT,
  PRUNE_LOG_SLICE,
  PRUNE_REVISIONS,
  PURGE_DELETED,
  PURGE_EXPIRED,
  WORKSPACE_IDS,
} from './retention-statements.ts';

/** How long what is no longer current is kept. */
export interface RetentionSettings {
  /** Days from a memory's death (deletion or expiry) to its removal with its whole history. */
  readonly deletedDays: number;
  /** Hours in which a repeated request_id is recognised. */
  readonly requestLogHours: number;
  /**
   * Days for which a replaced revision of a living memory is kept; undefined: for ever. Not less than
   * requestLogHours: a repeated request is answered from history.
   */
  readonly revisionsDays: number | undefined;
  /** Days for which the audit trail is kept. */
  readonly auditDays: number;
}

/** What one run removed. */
export interface RetentionReport {
  memories: number;
  /** History of those memories. */
  purgedRevisions: number;
  /** Replaced revisions of living memories. */
  prunedRevisions: number;
  requests: number;
  /** Entries of the audit trail. */
  auditEvents: number;
}

const DAY_MICROS = 86_400_000_000;
const MEMORIES_PER_BATCH = 100;
const REVISIONS_PER_BATCH = 1000;

/** One pass over everything, in batches. */
export class RetentionRun {
  readonly report: RetentionReport = {
    memories: 0,
    purgedRevisions: 0,
    prunedRevisions: 0,
    requests: 0,
    auditEvents: 0,
  };
  readonly #pool: ConnectionPool;
  readonly #settings: RetentionSettings;
  readonly #walked: Map<number, number>;
  readonly #proceed: () => Promise<boolean>;

  /**
   * @param walked change number up to which each workspace's history has been walked; kept by the caller
   * @param proceed asked before each batch; false ends the run
   */
  constructor(
    pool: ConnectionPool,
    settings: RetentionSettings,
    walked: Map<number, number>,
    proceed: () => Promise<boolean>,
  ) {
    this.#pool = pool;
    this.#settings = settings;
    this.#walked = walked;
    this.#proceed = proceed;
  }

  /** @returns whether all that was due is gone; false when the run was ended before */
  async removeAll(): Promise<boolean> {
    const { deletedDays, requestLogHours, revisionsDays, auditDays } = this.#settings;
    const [[now] = [Number.NaN]] = await this.#rows<[number]>(DATABASE_NOW);
    const before = (days: number) => Math.round(now - days * DAY_MICROS);

    for (const [workspaceId] of await this.#rows<[number]>(WORKSPACE_IDS)) {
      if (!(await this.#purgeDead(workspaceId, before(deletedDays)))) return false;
      if (revisionsDays === undefined) continue;
      if (!(await this.#pruneRevisions(workspaceId, before(revisionsDays)))) return false;
    }
    return (await this.#pruneRequests(before(requestLogHours / 24))) && this.#pruneAudit(before(auditDays));
  }

  async #purgeDead(workspaceId: number, cutoff: number): Promise<boolean> {
    const purgedBefore = this.report.memories;
    try {
      if (!(await this.#purge(PURGE_DELETED, workspaceId, cutoff))) return false;
      return await this.#purge(PURGE_EXPIRED, workspaceId, cutoff);
    } finally {
      if (this.report.memories > purgedBefore) await this.#pool.query({ ...BUMP_CACHE_EPOCH, values: [workspaceId] });
    }
  }

  async #purge(statement: string, workspaceId: number, cutoff: number): Promise<boolean> {
    const values = [workspaceId, cutoff, MEMORIES_PER_BATCH, REVISIONS_PER_BATCH];
    while (await this.#proceed()) {
      const [memories, revisions] = await this.#pool.withClient(async (client) => {
        await client.query('BEGIN');
        await client.query({ text: LOCK_WORKSPACE, values: [workspaceId] });
        const { rows } = await client.query<[number, number]>({ rowMode: 'array', text: statement, values });
        await client.query('COMMIT');
        return rows[0] ?? [0, 0];
      });
      this.report.memories += memories;
      this.report.purgedRevisions += revisions;
      if (memories === 0 && revisions === 0) return true;
    }
    return false;
  }

  async #pruneRevisions(workspaceId: number, cutoff: number): Promise<boolean> {
    while (await this.#proceed()) {
      const values = [workspaceId, this.#walked.get(workspaceId) ?? 0, cutoff, REVISIONS_PER_BATCH];
      const rows = await this.#rows<[removed: number, looked: number, last: number | null]>(PRUNE_REVISIONS, values);
      const [removed, looked, last] = rows[0] ?? [0, 0, null];
      this.report.prunedRevisions += removed;
      if (last !== null) this.#walked.set(workspaceId, last);
      if (looked < REVISIONS_PER_BATCH) return true;
    }
    return false;
  }

  async #pruneRequests(cutoff: number): Promise<boolean> {
    for (const [slice] of await this.#rows<[number]>(EXPIRED_LOG_SLICES, [cutoff])) {
      if (!(await this.#proceed())) return false;
      const values = [cutoff, `(${slice * LOG_SLICE_PAGES},0)`, `(${(slice + 1) * LOG_SLICE_PAGES},0)`];
      const deleted = await this.#pool.query({ text: PRUNE_LOG_SLICE, values });
      this.report.requests += deleted.rowCount ?? 0;
    }
    return true;
  }

  async #pruneAudit(cutoff: number): Promise<boolean> {
    while (await this.#proceed()) {
      const deleted = await this.#pool.query({ text: PRUNE_AUDIT, values: [cutoff, REVISIONS_PER_BATCH] });
      this.report.auditEvents += deleted.rowCount ?? 0;
      if (deleted.rowCount === 0) return true;
    }
    return false;
  }

  async #rows<R extends unknown[]>(text: string, values: unknown[] = []): Promise<R[]> {
    return (await this.#pool.query<R>({ rowMode: 'array', text, values })).rows;
  }
}
