/**
 * Bytes written one behind the other into a buffer that grows. Made for messages and lines that are
 * written straight from the bytes a database sent, with no string or object between.
 */
export class ByteSink {
  bytes: Buffer;
  /** Bytes written. */
  length = 0;

  readonly #nextSize: number;

  /** @param nextSize what it grows to at least when `size` is not enough */
  constructor(size: number, nextSize = 0) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#nextSize = nextSize;
  }

  /** What was written. */
  get written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  byte(value: number): void {
    this.room(1);
    this.bytes[this.length++] = value;
  }

  /** A protobuf varint of a whole number up to 2^53. */
  varint(value: number): void {
    this.room(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  double(value: number): void {
    this.room(8);
    this.length = this.bytes.writeDoubleLE(value, this.length);
  }

  fixed32(value: number): void {
    this.room(4);
    this.length = this.bytes.writeUInt32LE(value, this.length);
  }

  copy(from: Buffer, start: number, end: number): void {
    const size = end - start;
    this.room(size);
    if (size > SHORT) {
      from.copy(this.bytes, this.length, start, end);
    } else copyShort(from, start, this.bytes, this.length, size);
    this.length += size;
  }

  /** What is the same in every row, as bytes: to go through a string is as slow again as what varies. */
  fixed(bytes: Buffer): void {
    this.room(bytes.length);
    copyShort(bytes, 0, this.bytes, this.length, bytes.length);
    this.length += bytes.length;
  }

  /** An id, 16 bytes, in the usual form with hyphens. */
  id(from: Buffer, start: number): void {
    this.room(36);
    const { bytes } = this;
    let to = this.length;
    for (let index = 0; index < 16; index++) {
      if ((GROUPS >> index) & 1) bytes[to++] = 0x2d;
      const byte = from[start + index] as number;
      bytes[to++] = HEX[byte >> 4] as number;
      bytes[to++] = HEX[byte & 15] as number;
    }
    this.length = to;
  }

  text(text: string): void {
    this.room(text.length * 3);
    if (text.length > SHORT || !this.#shortAscii(text)) this.length += this.bytes.write(text, this.length);
  }

  /** A whole number from 0 to 2^53 in decimal digits. @param width filled up with zeros */
  decimal(value: number, width = 1): void {
    let digits = 1;
    for (let power = 10; power <= value && digits < 16; power *= 10) digits++;
    const size = Math.max(digits, width);
    this.room(size);
    let rest = value;
    let at = this.length + size;
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 10)) this.bytes[--at] = 0x30 + (rest % 10);
    for (rest |= 0; at > this.length; rest = (rest / 10) | 0) this.bytes[--at] = 0x30 + (rest % 10);
    this.length += size;
  }

  /**
   * Begins a part that stands behind its length as a varint; `close` ends it.
   *
   * @param size about what the part will take: a good guess saves moving it
   */
  open(size: number): number {
    const width = varintSize(size);
    this.room(width);
    this.length += width;
    // Where the part begins, and how much was left free before it.
    return this.length * 8 + width;
  }

  /** @param part what `open` returned */
  close(part: number): void {
    const width = part % 8;
    const start = (part - width) / 8;
    const size = this.length - start;
    const needed = varintSize(size);
    if (needed !== width) {
      this.room(needed);
      this.bytes.copyWithin(start + needed - width, start, this.length);
    }
    this.length = this.varintAt(start - width, size) + size;
  }

  /** A varint below 2^28 at a place that is there already. @returns the place behind it */
  varintAt(start: number, value: number): number {
    const { bytes } = this;
    let at = start;
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    return at;
  }

  /** @returns false, and nothing is written, when there is anything else in the text */
  #shortAscii(text: string): boolean {
    const { bytes, length } = this;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code > 0x7f) return false;
      bytes[length + at] = code;
    }
    this.length = length + text.length;
    return true;
  }

  /** Makes sure that so many bytes can be written; `bytes` may be another buffer then. */
  room(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + size, this.#nextSize));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }
}

/** Up to here a loop is faster than a call into the runtime. */
const SHORT = 24;

/** Bytes of an id with a hyphen before them. */
const GROUPS = 0b0000_0101_0101_0000;

const HEX = Buffer.from('0123456789abcdef');

/** A few bytes, for which a loop is faster than a call into the runtime. */
export function copyShort(from: Buffer, start: number, to: Buffer, at: number, size: number): void {
  for (let index = 0; index < size; index++) to[at + index] = from[start + index] as number;
}

/** Bytes of a varint below 2^28. */
export function varintSize(value: number): number {
  if (value < 1 << 7) return 1;
  if (value < 1 << 14) return 2;
  return value < 1 << 21 ? 3 : 4;
}
