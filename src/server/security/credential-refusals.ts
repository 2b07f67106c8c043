import type { ErrorReason } from '../../shared/error-reasons.ts';
import { ServiceError } from '../domain/errors.ts';
import { CredentialRefusal, type Principal } from '../domain/principal.ts';

export function missing(): ServiceError {
  return new ServiceError('CREDENTIAL_MISSING', 'the call has no key: send "authorization: Bearer mh_...", or a token');
}

/** The same for malformed, unknown, wrong and revoked: a caller learns nothing about which keys there are. */
export function invalid(why: string, principal?: Principal): ServiceError {
  const cause = new CredentialRefusal(why, principal);
  return new ServiceError('CREDENTIAL_INVALID', 'the key is malformed, unknown or revoked', { cause });
}

/** Told only to whoever has the secret. */
export function expired(why: string, principal: Principal): ServiceError {
  const cause = new CredentialRefusal(why, principal);
  return new ServiceError('CREDENTIAL_EXPIRED', 'the key, or the secret it had before, has expired', { cause });
}

export function tooSlow(): ServiceError {
  return new ServiceError('DATABASE_UNAVAILABLE', 'the database did not answer in time', { retryAfterMs: 1_000 });
}

/** Whether a credential was looked into and nobody has it. */
export function isInvalid(error: unknown): boolean {
  return error instanceof ServiceError && error.reason === 'CREDENTIAL_INVALID';
}

/** Whether a look at the database failed for its sake: anything else is a bug, and is not passed over. */
export function isDatabaseTrouble(error: unknown): boolean {
  return error instanceof ServiceError && DATABASE_TROUBLE.has(error.reason);
}

const DATABASE_TROUBLE: ReadonlySet<string> = new Set<ErrorReason>([
  'DATABASE_UNAVAILABLE',
  'OVERLOADED',
  'DEADLINE_EXCEEDED',
]);
