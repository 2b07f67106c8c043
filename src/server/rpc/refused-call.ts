import type { Metadata } from '@grpc/grpc-js';
import type { Outcome } from './errors.ts';
import { callerTraceId, REQUEST_ID_HEADER, requestId, withoutPort } from './metadata.ts';
import type { RegisteredMethod } from './server-method.ts';

/** A call that grpc-js refused before any handler saw it. */
export interface RefusedCall {
  readonly metadata: Metadata;
  /** "ADDRESS:PORT" */
  readonly peer: string;
}

/**
 * Keeps the account of a refused call as of any other: statistics, access log, x-request-id. How long
 * it took is not known, since grpc-js does not tell when it began; it counts as none.
 */
export function recordRefusal(method: RegisteredMethod, refused: RefusedCall, outcome: Outcome): void {
  const { metadata, peer } = refused;
  const callId = requestId(metadata);
  outcome.status.metadata.set(REQUEST_ID_HEADER, callId);
  const record = {
    code: outcome.status.code,
    elapsedUs: 0,
    bytesReceived: 0,
    bytesSent: 0,
    messagesSent: 0,
    stagesUs: NO_STAGES,
    traceId: undefined,
    keyId: '',
    keyName: '',
    peer: withoutPort(peer),
  };
  method.recorder.begin();
  method.recorder.end(record);
  method.server.accessLog?.call(method.path, callId, record, outcome.reason, callerTraceId(metadata));
}

const NO_STAGES = [0, 0, 0, 0, 0, 0, 0];
