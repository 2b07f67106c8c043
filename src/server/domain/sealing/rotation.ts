import type { CallContext } from '../call-context.ts';
import type { Caller } from '../principal.ts';

/** The call of an operator. */
export interface RotatingCall extends Pick<CallContext, 'signal'>, Caller {}

/** How far a rotation has come. */
export interface RotationProgress {
  /** The key that wraps now. */
  readonly keyId: string;
  /** Data keys that were wrapped anew. */
  readonly wrapped: number;
  /** Rows whose values were sealed anew. */
  readonly resealed: number;
  /** Rows that had secrets in clear, and have none any more. */
  readonly sealed: number;
}

export interface RotationRequest {
  readonly newKey: boolean;
  readonly reseal: boolean;
  /** Also seals what was stored in clear. */
  readonly sealExisting: boolean;
}

/**
 * Changes the keys of sealed values while the server works.
 *
 * Errors: ServiceError INVALID_FIELD, SEALING_KEY_MISSING, SEALED_VALUE_UNREADABLE, and those of the
 * database.
 */
export interface SealingRotation {
  rotate(call: RotatingCall, request: RotationRequest): AsyncIterable<RotationProgress>;
}
