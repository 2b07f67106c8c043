import type { Duration } from './gen/google/protobuf/duration.ts';
import type { Timestamp } from './gen/google/protobuf/timestamp.ts';

/** @param us microseconds since 1970, an integer */
export function timestampFromMicros(us: number): Timestamp {
  const seconds = Math.floor(us / 1e6);
  return { seconds: BigInt(seconds), nanos: (us - seconds * 1e6) * 1000 };
}

/** Microseconds since 1970; nanoseconds below are cut off. */
export function microsFromTimestamp(at: Timestamp): number {
  return Number(at.seconds) * 1e6 + Math.floor(at.nanos / 1000);
}

/** @param ms milliseconds since 1970, fractions allowed */
export function timestampFromMs(ms: number): Timestamp {
  return timestampFromMicros(Math.floor(ms * 1000));
}

/** Milliseconds since 1970, with fractions. */
export function msFromTimestamp(at: Timestamp): number {
  return Number(at.seconds) * 1000 + at.nanos / 1e6;
}

/** @param ms milliseconds, fractions and negatives allowed */
export function durationFromMs(ms: number): Duration {
  const nanos = Math.round(ms * 1e6);
  const seconds = Math.trunc(nanos / 1e9);
  return { seconds: BigInt(seconds), nanos: nanos - seconds * 1e9 };
}

/** Milliseconds, with fractions. */
export function msFromDuration(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
