import type { CallRecord } from '../../src/server/rpc/call-observer.ts';

/** An ended call, with what a test says about it. */
export function callRecord(fields: Partial<CallRecord> = {}): CallRecord {
  return {
    code: 0,
    elapsedUs: 1000,
    bytesReceived: 10,
    bytesSent: 100,
    messagesSent: 1,
    stagesUs: [0, 0, 0, 0, 0, 0, 0],
    traceId: undefined,
    keyId: 'key-1',
    keyName: 'planner',
    peer: '10.0.0.1',
    ...fields,
  };
}

export const GET = '/memoryhub.v1.MemoryService/GetMemory';
export const SAVE = '/memoryhub.v1.MemoryService/SaveMemory';
