import type { ByteSink } from '../../domain/byte-sink.ts';
import type { MemoryRow } from '../../domain/memory-row.ts';

const DAY = 86_400;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Bytes below are control characters. */
const SPACE = 0x20;

/** What JSON writes for each control character. */
const CONTROLS = Array.from({ length: SPACE }, (_, code) =>
  Buffer.from(JSON.stringify(String.fromCharCode(code)).slice(1, -1)),
);

/** Writes UTF-8 as a JSON string, as JSON.stringify does. */
export function writeJsonText(row: MemoryRow, start: number, end: number, out: ByteSink): void {
  out.byte(QUOTE);
  const { bytes } = row;
  let from = start;
  for (let at = nextEscaped(row, from, end); at < end; at = nextEscaped(row, from, end)) {
    out.copy(bytes, from, at);
    const byte = bytes[at] as number;
    if (byte < SPACE) out.fixed(CONTROLS[byte] as Buffer);
    else {
      out.byte(BACKSLASH);
      out.byte(byte);
    }
    from = at + 1;
  }
  out.copy(bytes, from, end);
  out.byte(QUOTE);
}

/**
 * Where the next byte is that JSON escapes; the end, if there is none. Looks at four bytes at once, by the ways to
 * find a byte that is zero or below n in a word (Bit Twiddling Hacks, Sean Eron Anderson, public domain): most of an
 * export is text that is written as it is.
 */
function nextEscaped({ bytes, view }: MemoryRow, start: number, end: number): number {
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true);
    const quote = word ^ 0x2222_2222;
    const backslash = word ^ 0x5c5c_5c5c;
    const hits =
      ((word - 0x2020_2020) & ~word) | ((quote - 0x0101_0101) & ~quote) | ((backslash - 0x0101_0101) & ~backslash);
    if ((hits & HIGH_BITS) !== 0) break;
  }
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) break;
  }
  return at;
}

const HIGH_BITS = 0x8080_8080 | 0;

/** The day that was written last: rows of a page are often of one day. */
const lastDay = { number: Number.NaN, text: Buffer.alloc(0) };

/** RFC 3339 in UTC with microseconds, for instance "2026-11-23T14:22:07.123456Z". */
export function writeTimeText(micros: number, out: ByteSink): void {
  const seconds = Math.floor(micros / 1e6);
  const day = Math.floor(seconds / DAY);
  if (day !== lastDay.number) {
    lastDay.number = day;
    lastDay.text = Buffer.from(new Date(day * DAY * 1000).toISOString().slice(0, -13));
  }
  const ofDay = seconds - day * DAY;
  out.fixed(lastDay.text);
  out.decimal(Math.floor(ofDay / 3600), 2);
  out.byte(0x3a);
  out.decimal(Math.floor(ofDay / 60) % 60, 2);
  out.byte(0x3a);
  out.decimal(ofDay % 60, 2);
  out.byte(0x2e);
  out.decimal(micros - seconds * 1e6, 6);
  out.byte(0x5a);
}
