import { varintSize } from '../../domain/byte-sink.ts';
import { EncodedMessage } from '../method.ts';

/** Tags of the fields that answers of many memories share: `repeated Memory memories = 1`, ... */
export const MEMORIES_TAG = (1 << 3) | 2;
/** ... and `string next_page_token = 2`, or `repeated string missing_ids = 2`. */
const SECOND_FIELD_TAG = (2 << 3) | 2;
const THIRD_FIELD_TAG = (3 << 3) | 2;

/**
 * Builds an answer whose first field is `repeated Memory memories`, or `repeated Revision revisions`,
 * from what is encoded already: their bytes are copied once, behind tag and length.
 */
export class MemoryFrames {
  #messages: Uint8Array[] = [];
  /** Bytes of what was added, framing included. */
  size = 0;

  get count(): number {
    return this.#messages.length;
  }

  /** @param message an encoded Memory or Revision */
  add(message: Uint8Array): void {
    this.#messages.push(message);
    this.size += framedSize(message.length);
  }

  /** The answer with what was added; what follows starts empty again. */
  finish(second: readonly string[] = [], third: readonly string[] = []): EncodedMessage {
    const strings = [...second.map((text) => field(SECOND_FIELD_TAG, text))];
    strings.push(...third.map((text) => field(THIRD_FIELD_TAG, text)));
    const out = Buffer.allocUnsafe(strings.reduce((size, { length }) => size + length, this.size));
    let offset = 0;
    for (const message of this.#messages) {
      offset = writeHead(out, offset, MEMORIES_TAG, message.length);
      out.set(message, offset);
      offset += message.length;
    }
    for (const text of strings) {
      out.set(text, offset);
      offset += text.length;
    }
    this.#messages = [];
    this.size = 0;
    return new EncodedMessage(out);
  }
}

/** An answer of memories that are written already, with the strings of its second field. */
export function withStrings(memories: Buffer, second: readonly string[]): EncodedMessage {
  return new EncodedMessage(Buffer.concat([memories, ...second.map((text) => field(SECOND_FIELD_TAG, text))]));
}

/** Bytes of a length-delimited field with a one-byte tag. */
export function framedSize(length: number): number {
  return 1 + varintSize(length) + length;
}

function field(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const out = Buffer.allocUnsafe(framedSize(bytes.length));
  out.set(bytes, writeHead(out, 0, tag, bytes.length));
  return out;
}

function writeHead(out: Buffer, start: number, tag: number, length: number): number {
  let offset = start;
  out[offset++] = tag;
  return writeVarint(out, offset, length);
}

/** @returns the offset behind it */
function writeVarint(out: Buffer, start: number, value: number): number {
  let offset = start;
  let rest = value;
  while (rest > 0x7f) {
    out[offset++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[offset++] = rest;
  return offset;
}
