/**
 * Fields that never reach a log, wherever an object with them may be logged by mistake. The rule is
 * that no such object is logged at all; this and the other two below are what is behind the rule.
 */
const SECRET_FIELDS = [
  'authorization',
  'content',
  'metadata',
  'note',
  'secret',
  'password',
  'apiKey',
  'api_key',
  'token',
  'filter',
  'parameters',
  'values',
] as const;

/** For pino's `redact`: these fields at the top and one level down. */
export const REDACT = {
  paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
  censor: '[redacted]',
};

const API_KEY = /mh_([0-9A-Za-z]+)_[0-9A-Za-z_-]+/g;
const URL_PASSWORD = /\b(postgres(?:ql)?|rediss?|https?):\/\/([^:/@\s"]*):[^/@\s"]+@/g;

/** The finished line without API keys and passwords in addresses, whatever text they came in by. */
export function redactLine(line: string): string {
  let redacted = line;
  if (redacted.includes('mh_')) redacted = redacted.replace(API_KEY, 'mh_$1_[redacted]');
  if (redacted.includes('@')) redacted = redacted.replace(URL_PASSWORD, '$1://$2:[redacted]@');
  return redacted;
}

/** An error as it is logged. */
export interface LoggedError {
  readonly type: string;
  readonly message?: string;
  /** ErrorReason of a ServiceError. */
  readonly reason?: string;
  /** SQLSTATE or the system's code. */
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
  readonly [position: string]: unknown;
}

/** Where in the schema a statement failed: names of ours, not what was stored. */
const SCHEMA_FIELDS = ['routine', 'schema', 'table', 'column', 'constraint', 'syscall', 'address', 'port'] as const;

/**
 * Errors whose messages are written by programmers. Those of the database, of MikroORM (which quotes
 * the statement with its values) and of parsers (which quote what they could not read) are not.
 */
const PLAIN_ERRORS = new Set(['Error', 'ServiceError', 'TypeError', 'RangeError', 'ReferenceError', 'AssertionError']);
const QUOTES = ['query', 'sql', 'severity', 'parameters', 'command', 'input'];
const CAUSES_MAX = 4;

/** For pino's `serializers.err`: tells where and what kind, and the message only where it is safe. */
export function serializeError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error };
  const fields = error as Error & Record<string, unknown>;
  const position = SCHEMA_FIELDS.filter(
    (field) => typeof fields[field] === 'string' || typeof fields[field] === 'number',
  );
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at '));
  return {
    type: error.constructor.name,
    ...(isPlain(fields) && { message: error.message.slice(0, 500) }),
    ...(typeof fields.reason === 'string' && { reason: fields.reason }),
    ...(typeof fields.code === 'string' && { code: fields.code }),
    ...Object.fromEntries(position.map((field) => [field, fields[field]])),
    ...(frames !== undefined && frames.length > 0 && { stack: frames.join('\n') }),
    ...(error.cause !== undefined && depth < CAUSES_MAX && { cause: serializeError(error.cause, depth + 1) }),
  };
}

function isPlain(error: Error & Record<string, unknown>): boolean {
  if (QUOTES.some((field) => field in error)) return false;
  return PLAIN_ERRORS.has(error.name) || typeof error.syscall === 'string';
}
