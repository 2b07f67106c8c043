/** Longest a statement may run on the server, and the margin after which its answer is no longer waited for. */
export interface SessionTimeouts {
  readonly statementTimeoutMs: number;
  /** Longest a connection may take to open. */
  readonly connectTimeoutMs: number;
}

/** A lost network shows as silence: stop waiting soon after the server should have ended the statement itself. */
export function queryTimeoutMs(timeouts: SessionTimeouts): number {
  return timeouts.statementTimeoutMs + 1000;
}

/** Ends a transaction someone forgot: it would hold its locks and keep vacuum from its work. */
const IDLE_IN_TRANSACTION_MS = 30_000;

/** How soon the server notices that nobody waits for a running statement any more. */
const ABANDONED_CHECK_MS = 100;

/**
 * Session settings of every connection of ours. `jit` costs more than our short statements take. A
 * bitmap scan reads all matches before it gives the first, where lists walk an index and stop. A random page costs
 * about what a sequential one does on a solid state disk; with PostgreSQL's own 4, of spinning ones, it would rather
 * read a whole table of some ten thousand rows.
 */
export function sessionSettings(
  timeouts: SessionTimeouts,
  noticesAbandoned: boolean,
): Readonly<Record<string, string | number>> {
  return {
    jit: 'off',
    enable_bitmapscan: 'off',
    random_page_cost: 1.1,
    statement_timeout: timeouts.statementTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    ...(noticesAbandoned ? { client_connection_check_interval: ABANDONED_CHECK_MS } : {}),
  };
}

/**
 * What write connections add: the group commit statement is planned once per connection instead of
 * once per batch (489 instead of 1018 microseconds for one row).
 */
export const WRITE_SETTINGS = { plan_cache_mode: 'force_generic_plan' } as const;
