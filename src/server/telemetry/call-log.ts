import type { Logger } from 'pino';
import { CODE_NAMES } from '../../shared/rpc-error.ts';
import type { AccessLog, CallRecord, WireLog } from '../rpc/call-observer.ts';

/** Lines about calls. They say who called what and how it went, never what was in it. */
export class CallLog implements AccessLog, WireLog {
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  call(path: string, callId: string, record: CallRecord, reason: string | undefined, traceId = record.traceId): void {
    this.#log.info(
      {
        request_id: callId,
        trace_id: traceId,
        method: path.slice(1),
        code: CODE_NAMES[record.code] ?? record.code,
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
