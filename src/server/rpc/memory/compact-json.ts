import type { ByteSink } from '../../domain/byte-sink.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const SPACE = 0x20;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const CAPITAL_E = 0x45;
const SMALL_E = 0x65;

/** With so many digits a number is the same text again after it has been a double. */
const SAFE_DIGITS = 15;
/** What is smaller than 0.000001 JavaScript writes with an exponent. */
const SAFE_ZEROS = 5;

/**
 * Writes an object as JSON.stringify(JSON.parse(json)) would, without making it. Given is what PostgreSQL prints of a
 * jsonb, or JSON.stringify of an object. Both escape the same characters in the same way as JSON.stringify, so that all
 * but blanks stays as it is, with two exceptions, which are left to whoever calls: names that are numbers, which
 * JavaScript moves to the front, and numbers that it would write in another way.
 *
 * @returns false when there is, or may be, such an exception; nothing was written then
 */
export function writeCompactJson(json: Buffer, start: number, end: number, out: ByteSink): boolean {
  out.room(end - start);
  const { bytes } = out;
  let to = out.length;
  /** First byte of the text that ended last. */
  let initial = 0;
  let at = start;
  while (at < end) {
    const byte = json[at] as number;
    if (byte === SPACE) {
      at++;
      continue;
    }
    if (byte === COLON && isDigit(initial)) return false;
    let next = at + 1;
    if (byte === QUOTE) {
      initial = json[next] as number;
      next = textEnd(json, next, end);
    } else if (byte === MINUS || isDigit(byte)) {
      next = numberEnd(json, at, end);
      if (!isSafeNumber(json, at, next)) return false;
    }
    while (at < next) bytes[to++] = json[at++] as number;
  }
  out.length = to;
  return true;
}

/** @returns the place behind the quote that ends the text */
function textEnd(json: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function numberEnd(json: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isOfNumber(json[at] as number)) at++;
  return at;
}

function isOfNumber(byte: number): boolean {
  return isDigit(byte) || byte === POINT || byte === MINUS || byte === CAPITAL_E || byte === SMALL_E || byte === 0x2b;
}

/** Whether JavaScript writes a number as it is written here. */
function isSafeNumber(json: Buffer, start: number, end: number): boolean {
  const first = json[start] === MINUS ? start + 1 : start;
  let point = end;
  let zeros = 0;
  let isZero = true;
  for (let at = first; at < end; at++) {
    const byte = json[at] as number;
    if (byte === POINT) point = at;
    else if (!isDigit(byte)) return false;
    else if (byte !== ZERO) isZero = false;
    else if (isZero && point < end) zeros++;
  }
  const digits = end - first - (point < end ? 1 : 0);
  if (digits > SAFE_DIGITS || zeros > SAFE_ZEROS) return false;
  if (isZero) return first === start && end - start === 1;
  return point === end || json[end - 1] !== ZERO;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
