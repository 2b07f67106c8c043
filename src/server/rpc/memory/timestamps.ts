import type { Timestamp } from '../../../shared/gen/google/protobuf/timestamp.ts';
import type { Micros } from '../../domain/memory.ts';

export function toTimestamp(micros: Micros): Timestamp {
  const seconds = Math.floor(micros / 1_000_000);
  return { seconds: BigInt(seconds), nanos: (micros - seconds * 1_000_000) * 1000 };
}

export function fromTimestamp(timestamp: Timestamp): Micros {
  return Number(timestamp.seconds) * 1_000_000 + Math.trunc(timestamp.nanos / 1000);
}
