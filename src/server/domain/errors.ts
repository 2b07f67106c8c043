import type { ErrorReason } from '../../shared/error-reasons.ts';

/** One refused field, as google.rpc.BadRequest names it. */
export interface FieldViolation {
  /** Path in the request, for instance "memories[3].content". */
  readonly field: string;
  /** One sentence that names the limit and the value that broke it; never the caller's text. */
  readonly description: string;
}

/**
 * The one error that crosses walls. Every room turns what it knows into this; anything else that is
 * thrown is a bug and leaves the server as INTERNAL with a fixed text and a logged cause.
 */
export class ServiceError extends Error {
  override readonly name: 'ServiceError';
  readonly reason: ErrorReason;
  /** ErrorInfo.metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** BadRequest.field_violations; empty for none. */
  readonly violations: readonly FieldViolation[];
  /** RetryInfo.retry_delay in milliseconds; undefined: waiting does not help. */
  readonly retryAfterMs: number | undefined;

  /** @param message a sentence for people, free of the caller's text and of internals */
  constructor(
    reason: ErrorReason,
    message: string,
    details: {
      metadata?: Record<string, string>;
      violations?: readonly FieldViolation[];
      retryAfterMs?: number;
      cause?: unknown;
    } = {},
  ) {
    // Of the refusals of a server that is asked for too much, a stack nobody reads would be most of the work.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      super(message, details.cause === undefined ? undefined : { cause: details.cause });
    } finally {
      // Also where there is no room for a call any more: else nothing in this process had a stack from then on.
      Error.stackTraceLimit = stackTraceLimit;
    }
    this.name = 'ServiceError';
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * INVALID_ARGUMENT with the bad fields named.
 *
 * @param count how many there are, when not all are named
 */
export function invalidFields(violations: readonly FieldViolation[], count = violations.length): ServiceError {
  const first = violations[0];
  const more = count > 1 ? ` (and ${count - 1} more)` : '';
  return new ServiceError('INVALID_FIELD', first ? `${first.field}: ${first.description}${more}` : 'invalid request', {
    violations,
  });
}
