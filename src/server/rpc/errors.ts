import { Metadata } from '@grpc/grpc-js';
import type { ErrorReason } from '../../shared/error-reasons.ts';
import { ServiceError } from '../domain/errors.ts';
import { safeMessage, statusOf, type WireStatus } from './status.ts';

/**
 * A bare gRPC status, for protocols that are not ours and prescribe their own codes (health). Our
 * own RPCs throw ServiceError.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** google.rpc.Code. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** An error on its way out. */
export interface Outcome {
  readonly status: WireStatus;
  readonly reason: ErrorReason | undefined;
  /** A fault of the server, whose cause the caller is not told: to be logged. */
  readonly unexpected: boolean;
}

const INTERNAL_TEXT = 'internal error; the server log has its cause under the x-request-id of this call';

/**
 * The only funnel through which errors leave: whatever was thrown becomes a status. What is not a
 * ServiceError is a bug and becomes INTERNAL with a fixed text.
 */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof ServiceError) {
    return { status: statusOf(error), reason: error.reason, unexpected: error.reason === 'INTERNAL' };
  }
  if (error instanceof ProtocolError) {
    const status = { code: error.code, details: safeMessage(error.message), metadata: new Metadata() };
    return { status, reason: undefined, unexpected: false };
  }
  return { status: statusOf(new ServiceError('INTERNAL', INTERNAL_TEXT)), reason: 'INTERNAL', unexpected: true };
}
