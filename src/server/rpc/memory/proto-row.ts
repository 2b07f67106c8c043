import type { ByteSink } from '../../domain/byte-sink.ts';
import { type MemoryRow, type RowWriter, TextField } from '../../domain/memory-row.ts';
import { shownMetadata } from './shown-metadata.ts';
import { writeStruct } from './struct-bytes.ts';

/** Tags of the fields of the contract's Memory: their number, and how they are written. */
const ID = 10;
const KEY = 18;
const SCOPE = 24;
const USER_ID = 34;
const TEAM = 42;
const CATEGORY = 50;
const CONTENT = 58;
const TAGS = 66;
const METADATA = 74;
const REVISION = 80;
const ETAG = 90;
const AUTHOR = 98;
const CREATE_TIME = 106;
const UPDATE_TIME = 114;
const DELETE_TIME = 122;
/** Of field 16, in two bytes. */
const EXPIRE_TIME = 130;

/** What a memory takes besides its content, often: a guess for ByteSink.open. */
const USUAL_SIZE = 200;
const METADATA_SIZE = 100;
const TIME_SIZE = 12;

/**
 * Writes memories as messages, each behind its length, byte for byte as ts-proto does.
 *
 * @param tag in front of each, when they are a field of another message; 0: none
 * @param isFull with content and metadata
 */
export function protoRow(tag: number, isFull: boolean): RowWriter {
  return (row, out) => {
    if (tag !== 0) out.byte(tag);
    const content = isFull ? row.end(TextField.CONTENT) - row.start(TextField.CONTENT) : 0;
    const message = out.open(USUAL_SIZE + content);
    writeMemory(row, out, isFull);
    out.close(message);
  };
}

/** A message without its length. */
export function writeMemory(row: MemoryRow, out: ByteSink, isFull: boolean): void {
  out.byte(ID);
  out.byte(36);
  out.id(row.bytes, row.idAt);
  writeText(row, TextField.KEY, KEY, out);
  out.byte(SCOPE);
  out.byte(row.scope);
  writeText(row, TextField.USER_ID, USER_ID, out);
  writeText(row, TextField.TEAM, TEAM, out);
  writeText(row, TextField.CATEGORY, CATEGORY, out);
  if (isFull) writeText(row, TextField.CONTENT, CONTENT, out);
  for (let index = 0; index < row.tags; index++) {
    writeBytes(row.bytes, row.tagStart(index), row.tagEnd(index), TAGS, out);
  }
  const metadata = isFull ? shownMetadata(row) : undefined;
  if (metadata !== undefined) {
    out.byte(METADATA);
    const part = out.open(METADATA_SIZE);
    writeStruct(metadata, out);
    out.close(part);
  }
  out.byte(REVISION);
  out.varint(row.revision);
  out.byte(ETAG);
  const etag = out.open(1);
  out.decimal(row.changeNo);
  out.close(etag);
  writeText(row, TextField.AUTHOR, AUTHOR, out);
  out.byte(CREATE_TIME);
  writeTime(row.createTime, out);
  out.byte(UPDATE_TIME);
  writeTime(row.updateTime, out);
  if (row.deleteTime !== undefined) {
    out.byte(DELETE_TIME);
    writeTime(row.deleteTime, out);
  }
  if (row.expireTime !== undefined) {
    out.byte(EXPIRE_TIME);
    out.byte(1);
    writeTime(row.expireTime, out);
  }
}

/** Nothing for an empty text. */
function writeText(row: MemoryRow, field: TextField, tag: number, out: ByteSink): void {
  const start = row.start(field);
  const end = row.end(field);
  if (start < end) writeBytes(row.bytes, start, end, tag, out);
}

function writeBytes(bytes: Buffer, start: number, end: number, tag: number, out: ByteSink): void {
  out.byte(tag);
  out.varint(end - start);
  out.copy(bytes, start, end);
}

/** A google.protobuf.Timestamp behind its length. */
function writeTime(micros: number, out: ByteSink): void {
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
