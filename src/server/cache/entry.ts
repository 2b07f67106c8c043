import { type MemoryCodec, MemoryRecord, Scope } from '../domain/memory.ts';

/*
 * A value as bytes: the letter V, the cache epoch, then the entry:
 *
 *   [format 1][change_no 8][expire 8][flags 1][delete 8][owner length 1][owner][FULL Memory message]
 *
 * Numbers are IEEE doubles, big-endian, which hold 53-bit integers exactly and are the fastest to
 * read in V8. Who may see the memory, and whether it is alive, is known without decoding the message.
 */

const FORMAT = 1;
/** The letter and the epoch: what tells one generation of values from another. */
export const STAMP_BYTES = 9;
const FORMAT_AT = 9;
const CHANGE_NO_AT = 10;
const EXPIRE_AT = 18;
const FLAGS_AT = 26;
const DELETE_AT = 27;
const OWNER_LENGTH_AT = 35;
const OWNER_AT = 36;

const SCOPE_BITS = 3;
const EXPIRES = 4;
const DELETED = 8;
const LETTER_V = 0x56;

/** The first bytes of every value of this epoch. */
export function stamp(epoch: number): Buffer {
  const bytes = Buffer.allocUnsafe(STAMP_BYTES);
  bytes[0] = LETTER_V;
  bytes.writeDoubleBE(epoch, 1);
  return bytes;
}

/** Bytes of the value this record makes, without making it. Owners are at most 128 bytes. */
export function valueBytes(record: MemoryRecord): number {
  return OWNER_AT + Buffer.byteLength(ownerName(record)) + record.message.byteLength;
}

export function encodeValue(epoch: number, record: MemoryRecord): Buffer {
  const owner = ownerName(record);
  const ownerLength = Buffer.byteLength(owner);
  const bytes = Buffer.allocUnsafe(OWNER_AT + ownerLength + record.message.byteLength);
  bytes[0] = LETTER_V;
  bytes.writeDoubleBE(epoch, 1);
  bytes[FORMAT_AT] = FORMAT;
  bytes.writeDoubleBE(record.changeNo, CHANGE_NO_AT);
  bytes.writeDoubleBE(record.expireTime ?? 0, EXPIRE_AT);
  bytes[FLAGS_AT] =
    record.scope | (record.expireTime === undefined ? 0 : EXPIRES) | (record.deleteTime === undefined ? 0 : DELETED);
  bytes.writeDoubleBE(record.deleteTime ?? 0, DELETE_AT);
  bytes[OWNER_LENGTH_AT] = ownerLength;
  bytes.write(owner, OWNER_AT, 'utf8');
  bytes.set(record.message, OWNER_AT + ownerLength);
  return bytes;
}

/** The epoch of a value; undefined when these bytes are no value. */
export function epochOf(bytes: Buffer): number | undefined {
  return bytes[0] === LETTER_V && bytes.length >= STAMP_BYTES ? bytes.readDoubleBE(1) : undefined;
}

/**
 * The record of a value, its message a view of `bytes`, with room before it: what stands there has been read then.
 * Undefined when the format is another one.
 */
export function decodeRecord(bytes: Buffer, codec: MemoryCodec): MemoryRecord | undefined {
  if (bytes[FORMAT_AT] !== FORMAT || bytes.length < OWNER_AT) return undefined;
  const flags = bytes[FLAGS_AT] ?? 0;
  const scope = flags & SCOPE_BITS;
  const messageAt = OWNER_AT + (bytes[OWNER_LENGTH_AT] ?? 0);
  if (!isScope(scope) || messageAt > bytes.length) return undefined;
  const owner = bytes.toString('utf8', OWNER_AT, messageAt);
  return new MemoryRecord(
    {
      scope,
      userId: scope === Scope.PERSONAL ? owner : '',
      team: scope === Scope.TEAM ? owner : '',
      changeNo: bytes.readDoubleBE(CHANGE_NO_AT),
      expireTime: flags & EXPIRES ? bytes.readDoubleBE(EXPIRE_AT) : undefined,
      deleteTime: flags & DELETED ? bytes.readDoubleBE(DELETE_AT) : undefined,
    },
    codec,
    undefined,
    bytes.subarray(messageAt),
    true,
  );
}

function ownerName(record: MemoryRecord): string {
  return record.scope === Scope.PERSONAL ? record.userId : record.team;
}

function isScope(value: number): value is Scope {
  return value === Scope.PERSONAL || value === Scope.TEAM || value === Scope.WORKSPACE;
}
