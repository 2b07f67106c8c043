import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTime, parseTime } from '../../src/server/domain/time.ts';

describe('times in RFC 3339', () => {
  it('come back to the microsecond', () => {
    const micros = fc
      .integer({ min: -62_135_596_800_000_000, max: Number.MAX_SAFE_INTEGER })
      .filter(Number.isSafeInteger);
    fc.assert(
      fc.property(micros, (time) => {
        fc.pre(time >= Number.MIN_SAFE_INTEGER);
        expect(parseTime(formatTime(time))).toBe(time);
      }),
    );
    expect(formatTime(-1)).toBe('1969-12-31T23:59:59.999999Z');
  });

  it('are read with offsets, and with leap days in leap years only', () => {
    expect(parseTime('1970-01-01t01:30:00+01:30')).toBe(0);
    expect(parseTime('1969-12-31T22:30:00.25-01:30')).toBe(250_000);
    expect(parseTime('2024-02-29T00:00:00Z')).toBe(Date.UTC(2024, 1, 29) * 1000);
    expect(parseTime('2023-02-29T00:00:00Z')).toBeUndefined();
    expect(parseTime('2016-12-31T23:59:60Z')).toBeUndefined();
  });

  it('beyond what a number holds exactly stop there, in order', () => {
    expect(parseTime('9999-12-31T23:59:59.999999Z')).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseTime('0001-01-01T00:00:00Z')).toBe(Number.MIN_SAFE_INTEGER);
  });
});
