import { ErrorInfo } from './gen/google/rpc/error_details.ts';
import { Status } from './gen/google/rpc/status.ts';

/** Names of google.rpc.Code, by number. */
export const CODE_NAMES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

const ERROR_INFO_URL = 'type.googleapis.com/google.rpc.ErrorInfo';

/** What ended a call, with the reason and details that the server sent. */
export class RpcError extends Error {
  /** google.rpc.Code. */
  readonly code: number;
  /** An ErrorReason of this service, or empty when the call never reached it. */
  readonly reason: string;
  /** ErrorInfo.metadata: the values the reason is about. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every detail as it came: ErrorInfo, BadRequest, RetryInfo ... */
  readonly details: Status['details'];

  constructor(code: number, message: string, details: Status['details'] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RpcError';
    this.code = code;
    this.details = details;
    const info = details.find((detail) => detail.typeUrl === ERROR_INFO_URL);
    const decoded = info === undefined ? undefined : ErrorInfo.decode(info.value);
    this.reason = decoded?.reason ?? '';
    this.metadata = decoded?.metadata ?? {};
  }

  /** The code's name, for instance "UNAVAILABLE". */
  get codeName(): string {
    return CODE_NAMES[this.code] ?? `CODE_${this.code}`;
  }
}

/** As much of grpc-js' ServiceError as is needed to read it. */
interface ServiceErrorLike {
  readonly code: number;
  readonly details: string;
  readonly metadata?: { get(name: string): readonly (string | Uint8Array)[] };
}

/** Reads an error of grpc-js: `grpc-status-details-bin`, else status and message alone. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (!isServiceError(error)) return new RpcError(2, error instanceof Error ? error.message : String(error), [], error);
  const packed = error.metadata?.get('grpc-status-details-bin')[0];
  let details: Status['details'] = [];
  try {
    if (packed instanceof Uint8Array) details = Status.decode(packed).details;
  } catch {
    // Details that do not decode are another service's, or broken: status and message still hold.
  }
  return new RpcError(error.code, plainMessage(error.details), details, error);
}

function isServiceError(error: unknown): error is ServiceErrorLike {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/** What the transport says about a server that is not there, in words. */
function plainMessage(message: string): string {
  if (message.includes('ECONNREFUSED')) return 'connection refused';
  if (message.includes('ENOTFOUND') || message.startsWith('Name resolution failed')) return 'no such host';
  if (message.includes('wrong version number')) return 'what answers there does not speak TLS';
  if (message.includes('Failed to connect')) return 'what answers there is no gRPC server';
  if (message.includes('ECONNRESET') || message.includes('Connection dropped')) return 'connection lost';
  if (message.includes('ETIMEDOUT')) return 'connection timed out';
  return message;
}
