import { expect, it } from 'vitest';
import {
  durationFromMs,
  microsFromTimestamp,
  msFromDuration,
  msFromTimestamp,
  timestampFromMicros,
  timestampFromMs,
} from '../../src/shared/time.ts';

it.each([0, 1_795_469_377_123_456, -1, -1_500_000])('timestamps keep the microsecond of %d', (us) => {
  const at = timestampFromMicros(us);
  expect(at.nanos).toBeGreaterThanOrEqual(0);
  expect(microsFromTimestamp(at)).toBe(us);
});

it('timestamps and durations keep milliseconds', () => {
  expect(msFromTimestamp(timestampFromMs(1_795_469_377_123))).toBe(1_795_469_377_123);
  expect(durationFromMs(1500)).toEqual({ seconds: 1n, nanos: 500_000_000 });
  expect(durationFromMs(-1500)).toEqual({ seconds: -1n, nanos: -500_000_000 });
  expect(msFromDuration(durationFromMs(0.25))).toBe(0.25);
});
