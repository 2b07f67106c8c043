import type { Micros } from './memory.ts';

/** RFC 3339 with at most six digits of a second. */
const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/;

/**
 * Microseconds since 1970 of an RFC 3339 time; undefined when it is not one, names a day that never
 * was, a leap second, or parts of a microsecond. Times that a number does not hold exactly become
 * the last (or first) one that it does, about the year 2255: no memory has a time beyond it.
 */
export function parseTime(text: string): Micros | undefined {
  const part = RFC_3339.exec(text);
  if (part === null) return undefined;
  const number = (index: number) => Number(part[index] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(number) as SixNumbers;
  const [offsetHour, offsetMinute] = [number(10), number(11)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = (part[9] === '-' ? -1 : 1) * (offsetHour * 60 + offsetMinute);
  const seconds = date.getTime() / 1000 + hour * 3600 + (minute - offset) * 60 + second;
  const micros = seconds * 1_000_000 + Number((part[7] ?? '').padEnd(6, '0'));
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(micros, Number.MAX_SAFE_INTEGER));
}

type SixNumbers = [number, number, number, number, number, number];

/** "2026-01-01T00:00:00.000000Z". */
export function formatTime(micros: Micros): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, '0');
  return `${new Date(millis).toISOString().slice(0, -1)}${rest}Z`;
}
