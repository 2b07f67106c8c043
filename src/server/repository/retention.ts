import { randomUUID } from 'node:crypto';
import type { Database } from '../database/database.ts';
import { type RetentionReport, RetentionRun, type RetentionSettings } from './retention-run.ts';
import { CLAIM_JOB, RELEASE_JOB } from './retention-statements.ts';

export const DEFAULT_RETENTION: RetentionSettings = {
  deletedDays: 30,
  requestLogHours: 24,
  revisionsDays: undefined,
  auditDays: 90,
};

export interface RetentionObserver {
  finished(report: RetentionReport, durationMs: number): void;
  /** The run is tried again at the next tick. */
  failed(error: unknown): void;
}

export interface Retention {
  /** Runs now; undefined when another process is at it. */
  runOnce(): Promise<RetentionReport | undefined>;
  /** From now on runs once an hour, counted over all processes. */
  start(): void;
  /** Lets the batch at hand finish, and runs no more. */
  stop(): Promise<void>;
}

const JOB = 'retention';
const HOUR_MS = 3_600_000;
/** How often a process looks whether a run is due. */
const TICK_MS = 300_000;
/** A process that was killed in a run holds the others up for this long. */
const LEASE_MS = 60_000;
const RENEW_MS = LEASE_MS / 3;

/** Keeps what the settings say and removes the rest, on one process at a time. */
export function createRetention(
  database: Database,
  settings: RetentionSettings = DEFAULT_RETENTION,
  observer: RetentionObserver = { finished: () => {}, failed: () => {} },
): Retention {
  const { pool } = database;
  const holder = randomUUID();
  /** A fresh process walks each workspace's history once from its start, later runs go on from here. */
  const walked = new Map<number, number>();
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let latest: Promise<unknown> = Promise.resolve();

  const claim = async (dueAfterMs: number): Promise<boolean> => {
    const { rows } = await pool.query({ text: CLAIM_JOB, values: [JOB, holder, LEASE_MS, dueAfterMs] });
    return rows.length > 0;
  };

  const run = async (dueAfterMs: number): Promise<RetentionReport | undefined> => {
    const startedAt = performance.now();
    if (stopping || !(await claim(dueAfterMs))) return undefined;
    let renewAt = startedAt + RENEW_MS;
    const proceed = async (): Promise<boolean> => {
      if (stopping) return false;
      if (performance.now() < renewAt) return true;
      renewAt = performance.now() + RENEW_MS;
      return claim(0);
    };
    const pass = new RetentionRun(pool, settings, walked, proceed);
    let finished = false;
    try {
      finished = await pass.removeAll();
    } finally {
      // If this fails too, the lease runs out by itself.
      await pool.query({ text: RELEASE_JOB, values: [JOB, holder, finished] }).catch(() => {});
    }
    observer.finished(pass.report, performance.now() - startedAt);
    return pass.report;
  };

  /** One after another within this process: its own lease does not keep it out. */
  const inTurn = (dueAfterMs: number) => {
    const next = latest.then(() => run(dueAfterMs));
    latest = next.catch(() => {});
    return next;
  };

  return {
    runOnce: () => inTurn(0),
    start: () => {
      const tick = () => inTurn(HOUR_MS).catch((error: unknown) => observer.failed(error));
      timer ??= setInterval(tick, TICK_MS).unref();
    },
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await latest;
    },
  };
}
