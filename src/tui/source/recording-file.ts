import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { WatchStatsResponse } from '../../shared/gen/memoryhub/v1/stats_service.ts';

/** More than any frame takes; a length beyond it is no length. */
const MAX_MESSAGE_BYTES = 64 << 20;
/** The longest varint of a length within that. */
const MAX_PREFIX_BYTES = 4;

/** A recording's messages, one after the other; at its end, what is wrong with it, if anything is. */
export type RecordedMessages = Generator<WatchStatsResponse, string | undefined, undefined>;

/**
 * A recording is the stream's own messages, each with its length as a varint before it (the
 * "delimited" format of every protobuf library), so any language reads it.
 */
export function encodeDelimited(message: WatchStatsResponse): Uint8Array {
  return new BinaryWriter().bytes(WatchStatsResponse.encode(message).finish()).finish();
}

/**
 * Reads a recording message by message: one of a day need not fit into memory. What comes before the
 * place where it is cut off or damaged is read.
 *
 * @throws Error when there is no such file, or no frame in it
 */
export function openRecording(path: string): Iterable<WatchStatsResponse> {
  const first = readMessages(path);
  const { done, value } = first.next();
  first.return(undefined);
  if (done) throw new Error(`it holds no frames${value === undefined ? '' : ` (${value})`}`);
  return { [Symbol.iterator]: () => readMessages(path) };
}

function* readMessages(path: string): RecordedMessages {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    let at = 0;
    while (at < size) {
      const message = messageAt(file, at, size);
      if (typeof message === 'string') return `${message} at byte ${at} of ${size}`;
      at = message.end;
      yield message.decoded;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** @returns what is wrong, when there is no whole message */
function messageAt(file: number, at: number, size: number): { decoded: WatchStatsResponse; end: number } | string {
  const prefix = new BinaryReader(bytesAt(file, at, Math.min(MAX_PREFIX_BYTES, size - at)));
  let length: number;
  try {
    length = prefix.uint32();
  } catch {
    return size - at < MAX_PREFIX_BYTES ? 'cut off' : 'damaged';
  }
  if (length === 0 || length > MAX_MESSAGE_BYTES) return 'damaged';
  const start = at + prefix.pos;
  if (start + length > size) return 'cut off';
  try {
    const decoded = WatchStatsResponse.decode(bytesAt(file, start, length));
    return decoded.frame?.at === undefined ? 'damaged' : { decoded, end: start + length };
  } catch {
    return 'damaged';
  }
}

function bytesAt(file: number, at: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let read = 0;
  while (read < length) {
    const more = readSync(file, bytes, read, length - read, at + read);
    if (more === 0) return bytes.subarray(0, read);
    read += more;
  }
  return bytes;
}
