import { LIMITS } from '../../../shared/limits.ts';
import type { MemoryRecord } from '../../domain/memory.ts';
import { Role } from '../../domain/principal.ts';
import { type Call, EncodedMessage } from '../method.ts';
import { MemoryFrames } from './memory-frames.ts';
import { basicView, briefView } from './message-view.ts';
import { protoCodec } from './proto-codec.ts';

/** Who may read memories, and who may also write them. */
export const READERS: readonly Role[] = [Role.READER, Role.WRITER, Role.ADMIN];
export const WRITERS: readonly Role[] = [Role.WRITER, Role.ADMIN];

/** The metadata field of mutations' answers: the workspace's change number afterwards. */
const REVISION_HEADER = 'x-memoryhub-revision';

/** Bytes of the largest unary answer: every client takes messages under 4 MiB. */
export const MAX_UNARY_BYTES = LIMITS.unaryBytes.max - 1;
/** Bytes of a flag behind the memories. */
const FLAG_BYTES = 3;

const BASIC = 1;

/** The encoded memory as the caller wants to see it. View 0 is FULL. */
export function viewed(record: MemoryRecord, view: number): Uint8Array {
  return view === BASIC ? basicView(record.message) : record.message;
}

/** A written memory, FULL; an empty message where there was none and that was allowed. */
export function writtenAnswer(call: Call, record: MemoryRecord | undefined, head: number): EncodedMessage {
  call.setMetadata(REVISION_HEADER, String(head));
  return new EncodedMessage(record === undefined ? new Uint8Array() : record.message);
}

/** Of a record that was not encoded yet what is left out need not be encoded at all. */
function basicBytes(record: MemoryRecord): Uint8Array {
  if (record.isEncoded) return basicView(record.message);
  return protoCodec.encode({ ...record.memory, content: '', metadata: undefined });
}

/**
 * The memories a batch wrote, in VIEW_BASIC. A thousand with the longest tags would pass the limit of
 * a unary message after they were written: then all of them go without tags, and always fit.
 */
export function batchAnswer(call: Call, records: readonly (MemoryRecord | undefined)[], head: number): EncodedMessage {
  call.setMetadata(REVISION_HEADER, String(head));
  const written = records.filter((record) => record !== undefined);
  const frames = new MemoryFrames();
  for (const record of written) frames.add(basicBytes(record));
  if (frames.size <= MAX_UNARY_BYTES - FLAG_BYTES) return frames.finish();
  const brief = new MemoryFrames();
  for (const record of written) brief.add(briefView(record.message));
  return brief.finish();
}
