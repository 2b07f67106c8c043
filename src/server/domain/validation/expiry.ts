import { LIMITS } from '../../../shared/limits.ts';
import type { Micros } from '../memory.ts';
import type { Seconds } from '../requests.ts';
import type { Violations } from './violations.ts';

export interface Expiry {
  readonly expireTime: Micros | undefined;
  readonly ttlMicros: Micros | undefined;
}

/** Neither given: it does not expire. Parts of a microsecond are cut off. */
export function readExpiry(
  violations: Violations,
  input: { readonly expireTime: Seconds | undefined; readonly ttl: Seconds | undefined },
  now: Micros,
): Expiry {
  const { expireTime, ttl } = input;
  if (expireTime !== undefined && ttl !== undefined) {
    violations.add('ttl', 'is given together with expire_time; only one of them may be');
  }
  return {
    expireTime: expireTime && readExpireTime(violations, 'expire_time', expireTime, now),
    ttlMicros: ttl && readTtl(violations, 'ttl', ttl),
  };
}

function readExpireTime(violations: Violations, field: string, time: Seconds, now: Micros): Micros | undefined {
  if (!checkNanos(violations, field, time.nanos)) return undefined;
  const fromNow = Number(time.seconds) + time.nanos / 1e9 - now / 1e6;
  if (fromNow <= 0) violations.addLapsed(field, 'is in the past; a time to come is needed');
  else if (fromNow > LIMITS.ttlSeconds.max) {
    violations.add(field, `is ${Math.ceil(fromNow)} seconds from now; at most ${LIMITS.ttlSeconds.max} are allowed`);
  } else return toMicros(time);
  return undefined;
}

function readTtl(violations: Violations, field: string, ttl: Seconds): Micros | undefined {
  if (!checkNanos(violations, field, ttl.nanos)) return undefined;
  const seconds = Number(ttl.seconds) + ttl.nanos / 1e9;
  return violations.within(field, seconds, LIMITS.ttlSeconds) ? toMicros(ttl) : undefined;
}

function checkNanos(violations: Violations, field: string, nanos: number): boolean {
  if (nanos >= 0 && nanos <= 999_999_999) return true;
  violations.add(field, `has ${nanos} nanos; 0 to 999999999 are allowed`);
  return false;
}

function toMicros(value: Seconds): Micros {
  return Number(value.seconds) * 1_000_000 + Math.trunc(value.nanos / 1000);
}
