import type { Duration } from '../shared/gen/google/protobuf/duration.ts';
import type { Timestamp } from '../shared/gen/google/protobuf/timestamp.ts';
import { timestampFromMs } from '../shared/time.ts';
import { CommandFailure } from './failure.ts';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** "90d", "12h", "30m", "45s". @throws CommandFailure */
export function durationOf(text: string): Duration {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  if (match === null) throw new CommandFailure(`"${text}" is not a length of time: 90d, 12h, 30m and 45s are.`, 2);
  const [, count = '', unit = 's'] = match;
  return { seconds: BigInt(Number(count) * SECONDS[unit as keyof typeof SECONDS]), nanos: 0 };
}

/** A point in time, as RFC 3339 has it or only the day. @throws CommandFailure */
export function timeOf(text: string): Timestamp {
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new CommandFailure(`"${text}" is not a time: 2027-01-31T00:00:00Z is.`, 2);
  return timestampFromMs(ms);
}

/** A length of time, or the end itself; nothing for nothing. */
export function expiryOf(text: string | undefined): { ttl?: Duration; expireTime?: Timestamp } {
  if (text === undefined) return {};
  return /^\d{4}-/.test(text) ? { expireTime: timeOf(text) } : { ttl: durationOf(text) };
}
