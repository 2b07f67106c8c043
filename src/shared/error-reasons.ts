/**
 * Every reason an error can have, with its gRPC status code (google.rpc.Code). The names are those
 * of memoryhub.v1.ErrorReason; a test compares the two, and the README's table with both.
 */
export const ERROR_REASONS = {
  INVALID_FIELD: 3,
  INVALID_FILTER: 3,
  INVALID_TOKEN: 3,
  REQUEST_ID_REUSED: 3,
  MALFORMED_MESSAGE: 3,
  CREDENTIAL_MISSING: 16,
  CREDENTIAL_INVALID: 16,
  ROLE_DENIED: 7,
  MEMORY_NOT_FOUND: 5,
  REVISION_NOT_FOUND: 5,
  WORKSPACE_NOT_FOUND: 5,
  API_KEY_NOT_FOUND: 5,
  MEMORY_EXISTS: 6,
  WORKSPACE_EXISTS: 6,
  ETAG_MISMATCH: 10,
  OWNER_FIXED: 9,
  NOT_DELETED: 9,
  MESSAGE_TOO_LARGE: 8,
  OVERLOADED: 8,
  READER_STALLED: 8,
  DATABASE_UNAVAILABLE: 14,
  COMMIT_UNKNOWN: 14,
  SHUTTING_DOWN: 14,
  DEADLINE_EXCEEDED: 4,
  CANCELLED: 1,
  INTERNAL: 13,
  UNIMPLEMENTED: 12,
  CREDENTIAL_EXPIRED: 16,
  API_KEY_ENDED: 9,
  ISSUER_UNAVAILABLE: 14,
  SEALING_KEY_MISSING: 9,
  SEALED_VALUE_UNREADABLE: 15,
  SEALED_VALUE_UNKNOWN: 9,
  SETTING_NOT_FOUND: 5,
  HOST_NOT_TRUSTED: 7,
  RATE_LIMITED: 8,
} as const;

export type ErrorReason = keyof typeof ERROR_REASONS;

/** ErrorInfo.domain of every error of this service. */
export const ERROR_DOMAIN = 'memoryhub';
