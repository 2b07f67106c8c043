import type { Access } from './access.ts';

/** The stages of a call, as the contract's Stage numbers them (1 = DECODE ... 6 = ENCODE). */
export const Stage = { DECODE: 1, AUTH: 2, DOMAIN: 3, CACHE: 4, DATABASE: 5, ENCODE: 6 } as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

/**
 * What every room may know about the call it works for. Made by the call chain, handed down
 * unchanged, never kept after the call.
 */
export interface CallContext {
  /** The workspace of the credential; 0 for monitor and operator keys, which have none. */
  readonly workspaceId: number;
  /** Its name, empty when there is none. */
  readonly workspace: string;
  readonly access: Access;
  /** Written into every revision this call makes. */
  readonly author: string;
  /** Id of the credential: "mh_ID_SECRET". */
  readonly keyId: string;
  /** x-request-id: the caller's, or made by the server. For logs, not for idempotency. */
  readonly callId: string;
  /** performance.now() at which the caller stops waiting; Infinity when it set no deadline. */
  readonly deadlineAt: number;
  /** Aborted when the caller cancels, its deadline passes, or the server stops the call. */
  readonly signal: AbortSignal;
  /** Whether `signal` is aborted, without making one: asked for on every read and write. */
  readonly ended: boolean;
  /**
   * Adds the time since `startedAt` (performance.now()) to a stage of this call and, when the call
   * is traced, makes a child span of it.
   */
  observe(stage: Stage, name: string, startedAt: number): void;
}

/** Told about every statement, whichever call it served. */
export interface StatementObserver {
  /**
   * @param kind one word for the statement, for instance "get_by_ids"
   * @param startedAt performance.now() when it was sent
   * @param rows rows it returned or changed
   */
  statement(kind: string, startedAt: number, rows: number, failed: boolean): void;
}

/** The database's clock: servers' own clocks may be wrong by hours. */
export interface Clock {
  /** Microseconds since 1970, as the primary database sees it, within a few milliseconds. */
  now(): number;
}
