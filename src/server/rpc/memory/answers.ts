import { LIMITS } from '../../../shared/limits.ts';
import { ByteSink } from '../../domain/byte-sink.ts';
import type { MemoryRecord } from '../../domain/memory.ts';
import { Role } from '../../domain/principal.ts';
import { PREFIX_BYTES } from '../message-frame.ts';
import { REVISION_HEADER } from '../metadata.ts';
import { type Call, EncodedMessage } from '../method.ts';
import { MEMORIES_TAG, MemoryFrames } from './memory-frames.ts';
import { basicView, briefView } from './message-view.ts';
import { writeMemoryMessage } from './proto-memory.ts';

/** Who may read memories, and who may also write them. */
export const READERS: readonly Role[] = [Role.READER, Role.WRITER, Role.ADMIN];
export const WRITERS: readonly Role[] = [Role.WRITER, Role.ADMIN];

/** Bytes of the largest unary answer: every client takes messages under 4 MiB. */
export const MAX_UNARY_BYTES = LIMITS.unaryBytes.max - 1;
/** Bytes of a flag behind the memories. */
const FLAG_BYTES = 3;
/** About what a memory takes in VIEW_BASIC. */
const USUAL_BYTES = 200;

const BASIC = 1;

/** The encoded memory as the caller wants to see it. View 0 is FULL. */
export function viewed(record: MemoryRecord, view: number): Uint8Array {
  return view === BASIC ? basicView(record.message) : record.message;
}

/** A memory that was read, as the caller wants to see it. */
export function readAnswer(record: MemoryRecord, view: number): EncodedMessage {
  if (view === BASIC) return new EncodedMessage(basicView(record.message));
  return new EncodedMessage(record.message, record.hasRoom);
}

/** A written memory, FULL; an empty message where there was none and that was allowed. */
export function writtenAnswer(call: Call, record: MemoryRecord | undefined, head: number): EncodedMessage {
  call.setMetadata(REVISION_HEADER, String(head));
  return new EncodedMessage(record === undefined ? new Uint8Array() : record.message);
}

/**
 * The memories a batch wrote, in VIEW_BASIC. A thousand with the longest tags would pass the limit of
 * a unary message after they were written: then all of them go without tags, and always fit.
 */
export function batchAnswer(call: Call, records: readonly (MemoryRecord | undefined)[], head: number): EncodedMessage {
  call.setMetadata(REVISION_HEADER, String(head));
  const out = new ByteSink(PREFIX_BYTES + records.length * USUAL_BYTES);
  out.length = PREFIX_BYTES;
  for (const record of records) if (record !== undefined) writeBasic(record, out);
  if (out.length - PREFIX_BYTES <= MAX_UNARY_BYTES - FLAG_BYTES) {
    return new EncodedMessage(out.bytes.subarray(PREFIX_BYTES, out.length), true);
  }
  const brief = new MemoryFrames();
  for (const record of records) if (record !== undefined) brief.add(briefView(record.message));
  return brief.finish();
}

/** Of a record that was not encoded yet what is left out need not be encoded at all. */
function writeBasic(record: MemoryRecord, out: ByteSink): void {
  out.byte(MEMORIES_TAG);
  if (record.isEncoded) {
    const message = basicView(record.message);
    out.varint(message.length);
    out.copy(message, 0, message.length);
    return;
  }
  const message = out.open(USUAL_BYTES);
  writeMemoryMessage(record.memory, out, false);
  out.close(message);
}
