import type { ByteSink } from '../../domain/byte-sink.ts';

const DAY = 86_400;
/** What JSON writes behind a backslash; the rest of the control characters as \u00XX. */
const ESCAPES: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

/** Writes UTF-8 as a JSON string, as JSON.stringify does. */
export function writeJsonText(bytes: Buffer, start: number, end: number, out: ByteSink): void {
  out.byte(0x22);
  let from = start;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) continue;
    out.copy(bytes, from, at);
    out.ascii(ESCAPES[byte] ?? `\\u${byte.toString(16).padStart(4, '0')}`);
    from = at + 1;
  }
  out.copy(bytes, from, end);
  out.byte(0x22);
}

/** The day that was written last: rows of a page are often of one day. */
const lastDay = { number: Number.NaN, text: '' };

/** RFC 3339 in UTC with microseconds, for instance "2026-11-23T14:22:07.123456Z". */
export function writeTimeText(micros: number, out: ByteSink): void {
  const seconds = Math.floor(micros / 1e6);
  const day = Math.floor(seconds / DAY);
  if (day !== lastDay.number) {
    lastDay.number = day;
    lastDay.text = new Date(day * DAY * 1000).toISOString().slice(0, -13);
  }
  const ofDay = seconds - day * DAY;
  out.ascii(lastDay.text);
  out.decimal(Math.floor(ofDay / 3600), 2);
  out.byte(0x3a);
  out.decimal(Math.floor(ofDay / 60) % 60, 2);
  out.byte(0x3a);
  out.decimal(ofDay % 60, 2);
  out.byte(0x2e);
  out.decimal(micros - seconds * 1e6, 6);
  out.byte(0x5a);
}
