import type { Logger } from 'pino';
import type { AccessLog, CallRecord, WireLog } from '../rpc/call-observer.ts';

/** google.rpc.Code by number. */
const CODES = [
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
] as const;

/** Lines about calls. They say who called what and how it went, never what was in it. */
export class CallLog implements AccessLog, WireLog {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  call(path: string, callId: string, record: CallRecord, reason: string | undefined): void {
    this.#log.info(
      {
        request_id: callId,
        trace_id: record.traceId,
        method: path.slice(1),
        code: CODES[record.code] ?? record.code,
        reason,
        elapsed_ms: Math.round(record.elapsedUs) / 1000,
        bytes_received: record.bytesReceived,
        bytes_sent: record.bytesSent,
        messages_sent: record.messagesSent,
        key_id: record.keyId,
        peer: record.peer,
      },
      'call',
    );
  }

  unexpectedError(path: string, callId: string, traceId: string | undefined, error: unknown): void {
    this.#log.error(
      { request_id: callId, trace_id: traceId, method: path.slice(1), err: error },
      'a call failed inside',
    );
  }
}
