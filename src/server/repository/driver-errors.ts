import { DatabaseConnectError, PoolExhaustedError, QueryTimeoutError } from '../database/errors.ts';
import { ServiceError } from '../domain/errors.ts';

/** Retry hints: a busy pool drains in a moment, a database that went away takes longer to come back. */
const BUSY_RETRY_MS = 200;
const UNAVAILABLE_RETRY_MS = 1000;

/** SQLSTATE classes and codes (PostgreSQL's Appendix A) that say the server, not the statement, is the trouble. */
const UNAVAILABLE_CLASSES = new Set(['08', '28', '58']);
const UNAVAILABLE_STATES = new Set([
  '3D000', // invalid_catalog_name
  '25006', // read_only_sql_transaction: the primary has become a standby
  '53100', // disk_full
  '53200', // out_of_memory
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '57P05', // idle_session_timeout
  '25P03', // idle_in_transaction_session_timeout
]);
const BUSY_STATES = new Set([
  '40001', // serialization_failure, when repeating did not help
  '40P01', // deadlock_detected, likewise
  '53300', // too_many_connections
  '55P03', // lock_not_available
]);
const QUERY_CANCELED = '57014';

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/** Those of them that come before there is a connection; the others may come in mid-talk. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT']);
const NOT_CONNECTED_TEXT = /^timeout exceeded when trying to connect/;
/** The server ended a connection that may have been at work, perhaps between two statements. */
const INTERRUPTED_STATES = new Set([
  '57P01',
  '57P02',
  '57P05',
  '25P03',
  '08000',
  '08003',
  '08006',
  '08007',
  '58000',
  '58030',
]);

/** `pg` gives lost connections no code, only these texts. */
const LOST =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client (has encountered|was closed))/;
const POOL_ENDED = /^Cannot use a pool after calling end/;

/** SQLSTATE of an error the server sent, through `pg` or through MikroORM; undefined for others. */
export function sqlState(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !UNREACHABLE.has(code) ? code : undefined;
}

/**
 * What an error of database or driver means to the domain. Errors that say nothing about the service's
 * health (a ServiceError, an aborted signal's reason, a bug) come back as they are.
 */
export function toServiceError(error: unknown): unknown {
  if (error instanceof ServiceError || !(error instanceof Error)) return error;
  if (error instanceof PoolExhaustedError) return busy(error);
  if (error instanceof QueryTimeoutError || error instanceof DatabaseConnectError) return unavailable(error);

  const state = sqlState(error);
  if (state !== undefined) {
    if (state === QUERY_CANCELED) {
      return new ServiceError('DEADLINE_EXCEEDED', 'the database took too long', { cause: error });
    }
    if (BUSY_STATES.has(state)) return busy(error);
    if (UNAVAILABLE_CLASSES.has(state.slice(0, 2)) || UNAVAILABLE_STATES.has(state)) return unavailable(error);
    return error;
  }
  if (POOL_ENDED.test(error.message)) {
    return new ServiceError('SHUTTING_DOWN', 'the server is shutting down', {
      retryAfterMs: UNAVAILABLE_RETRY_MS,
      cause: error,
    });
  }
  return UNREACHABLE.has(codeOf(error) ?? '') || LOST.test(error.message) ? unavailable(error) : error;
}

/**
 * As toServiceError, for work that writes outside the group commit: when the connection was lost in its
 * middle, nobody knows whether the change was made.
 */
export function toWriteError(error: unknown): unknown {
  const translated = toServiceError(error);
  if (!(translated instanceof ServiceError) || translated.reason !== 'DATABASE_UNAVAILABLE') return translated;
  if (neverBegan(translated.cause)) return translated;
  return new ServiceError('COMMIT_UNKNOWN', 'the connection broke while the change was being made', {
    retryAfterMs: UNAVAILABLE_RETRY_MS,
    cause: error,
  });
}

/** Whether the database was not reached at all, or refused the work. */
function neverBegan(error: unknown): boolean {
  if (error instanceof DatabaseConnectError) return true;
  const state = sqlState(error);
  if (state !== undefined) return !INTERRUPTED_STATES.has(state);
  return NOT_CONNECTED.has(codeOf(error) ?? '') || (error instanceof Error && NOT_CONNECTED_TEXT.test(error.message));
}

/** Runs `work`; what it throws is translated by toServiceError. */
export async function translating<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toServiceError(error);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function busy(cause: Error): ServiceError {
  return new ServiceError('OVERLOADED', 'the database has more work than it can take', {
    retryAfterMs: BUSY_RETRY_MS,
    cause,
  });
}

function unavailable(cause: Error): ServiceError {
  return new ServiceError('DATABASE_UNAVAILABLE', 'the database cannot be reached', {
    retryAfterMs: UNAVAILABLE_RETRY_MS,
    cause,
  });
}
