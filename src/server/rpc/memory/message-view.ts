/** Numbers of fields of the contract's Memory. */
const TAGS = 8;

/** What VIEW_BASIC leaves out: content and metadata. */
const BASIC_OMITS: ReadonlySet<number> = new Set([7, 9]);
/** What a batch answers with when VIEW_BASIC would pass the limit of a unary message. */
const BRIEF_OMITS: ReadonlySet<number> = new Set([...BASIC_OMITS, TAGS]);

/** The encoded memory without content and metadata. */
export function basicView(message: Uint8Array): Buffer {
  return without(message, BASIC_OMITS);
}

/** The encoded memory without content, metadata and tags. */
export function briefView(message: Uint8Array): Uint8Array {
  return without(message, BRIEF_OMITS);
}

/**
 * Leaves fields out of an encoded message by copying the others, with nothing decoded. Every field of
 * Memory is a varint or length-delimited, and its tag takes one byte (two from field 16 on).
 */
function without(message: Uint8Array, omitted: ReadonlySet<number>): Buffer {
  const kept = Buffer.allocUnsafe(message.length);
  let length = 0;
  let offset = 0;
  while (offset < message.length) {
    const start = offset;
    const tag = readVarint(message, offset);
    offset = tag.end;
    const value = readVarint(message, offset);
    offset = (tag.value & 7) === 2 ? value.end + value.value : value.end;
    if (omitted.has(tag.value >>> 3)) continue;
    kept.set(message.subarray(start, offset), length);
    length += offset - start;
  }
  return kept.subarray(0, length);
}

/** A varint; its value is exact up to 53 bits, which lengths and tags keep to. */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  let factor = 1;
  for (let offset = start; ; offset++) {
    const byte = bytes[offset] ?? 0;
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) return { value, end: offset + 1 };
  }
}
