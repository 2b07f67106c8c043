import { crc32 } from 'node:zlib';
import { type ByteSink, varintSize } from '../../domain/byte-sink.ts';
import { PREFIX_BYTES } from '../message-frame.ts';
import { EncodedMessage } from '../method.ts';

/** Tag of ExportMemoriesResponse.chunk, and those of ExportChunk. */
const CHUNK = 18;
const DATA = 10;
const ROWS = 16;
const RESUME_TOKEN = 26;
const CRC32 = 37;
/** A length: messages are below 2^28 bytes. */
const LENGTH_BYTES = 4;

/** What is kept free before the data of a chunk for all that stands in front of it on the wire. */
export const CHUNK_ROOM = PREFIX_BYTES + 2 * (1 + LENGTH_BYTES);

/**
 * Makes the message with a chunk around its data: of all that an export copies, a message is the largest.
 *
 * @param out the chunk's data behind CHUNK_ROOM bytes
 */
export function chunkMessage(out: ByteSink, rows: number, resumeToken: string): EncodedMessage {
  const dataBytes = out.length - CHUNK_ROOM;
  const sum = crc32(out.bytes.subarray(CHUNK_ROOM, out.length));
  if (rows > 0) {
    out.byte(ROWS);
    out.varint(rows);
  }
  out.byte(RESUME_TOKEN);
  out.varint(resumeToken.length);
  out.text(resumeToken);
  out.byte(CRC32);
  out.fixed32(sum);
  let start = CHUNK_ROOM;
  if (dataBytes > 0) start = lengthBefore(out, start, DATA, dataBytes);
  start = lengthBefore(out, start, CHUNK, out.length - start);
  return new EncodedMessage(out.bytes.subarray(start, out.length), true);
}

/** @returns where the tag is */
function lengthBefore(out: ByteSink, end: number, tag: number, length: number): number {
  const at = end - varintSize(length);
  out.varintAt(at, length);
  out.bytes[at - 1] = tag;
  return at - 1;
}
