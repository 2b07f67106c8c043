import type { ByteSink } from '../../domain/byte-sink.ts';
import type { Memory, Micros } from '../../domain/memory.ts';
import { writeStruct } from './struct-bytes.ts';

/** Tags of the fields of the contract's Memory: their number, and how they are written. */
export const Tag = {
  ID: 10,
  KEY: 18,
  SCOPE: 24,
  USER_ID: 34,
  TEAM: 42,
  CATEGORY: 50,
  CONTENT: 58,
  TAGS: 66,
  METADATA: 74,
  REVISION: 80,
  ETAG: 90,
  AUTHOR: 98,
  CREATE_TIME: 106,
  UPDATE_TIME: 114,
  DELETE_TIME: 122,
  /** As a varint two bytes. */
  EXPIRE_TIME: 130,
} as const;

/** Guesses for ByteSink.open. */
const METADATA_SIZE = 100;
const TIME_SIZE = 12;

/** Writes a memory as a message without its length, byte for byte as ts-proto does. @param isFull with content and metadata */
export function writeMemoryMessage(memory: Memory, out: ByteSink, isFull: boolean): void {
  writeText(Tag.ID, memory.id, out);
  writeText(Tag.KEY, memory.key, out);
  out.byte(Tag.SCOPE);
  out.byte(memory.scope);
  writeText(Tag.USER_ID, memory.userId, out);
  writeText(Tag.TEAM, memory.team, out);
  writeText(Tag.CATEGORY, memory.category, out);
  if (isFull) writeText(Tag.CONTENT, memory.content, out);
  for (const tag of memory.tags) writeBytes(Tag.TAGS, tag, out);
  if (isFull && memory.metadata !== undefined) {
    out.byte(Tag.METADATA);
    const part = out.open(METADATA_SIZE);
    writeStruct(memory.metadata, out);
    out.close(part);
  }
  out.byte(Tag.REVISION);
  out.varint(memory.revision);
  out.byte(Tag.ETAG);
  const etag = out.open(1);
  out.decimal(memory.changeNo);
  out.close(etag);
  writeText(Tag.AUTHOR, memory.author, out);
  writeTime(Tag.CREATE_TIME, memory.createTime, out);
  writeTime(Tag.UPDATE_TIME, memory.updateTime, out);
  if (memory.deleteTime !== undefined) writeTime(Tag.DELETE_TIME, memory.deleteTime, out);
  if (memory.expireTime !== undefined) writeTime(Tag.EXPIRE_TIME, memory.expireTime, out);
}

/** Nothing for an empty text. */
function writeText(tag: number, text: string, out: ByteSink): void {
  if (text !== '') writeBytes(tag, text, out);
}

function writeBytes(tag: number, text: string, out: ByteSink): void {
  out.byte(tag);
  const part = out.open(text.length);
  out.text(text);
  out.close(part);
}

/** A google.protobuf.Timestamp behind its tag and length. */
export function writeTime(tag: number, micros: Micros, out: ByteSink): void {
  out.varint(tag);
  const seconds = Math.floor(micros / 1e6);
  const nanos = (micros - seconds * 1e6) * 1000;
  const part = out.open(TIME_SIZE);
  if (seconds !== 0) {
    out.byte(8);
    out.varint(seconds);
  }
  if (nanos !== 0) {
    out.byte(16);
    out.varint(nanos);
  }
  out.close(part);
}
