import type { ByteSink } from '../../domain/byte-sink.ts';
import { type MemoryRow, type RowWriter, TextField } from '../../domain/memory-row.ts';
import { Tag, writeTime } from './proto-memory.ts';
import { shownMetadata } from './shown-metadata.ts';
import { writeStruct } from './struct-bytes.ts';

/** What a memory takes besides its content, often: a guess for ByteSink.open. */
const USUAL_SIZE = 200;
const METADATA_SIZE = 100;

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
  out.byte(Tag.ID);
  out.byte(36);
  out.id(row.bytes, row.idAt);
  writeText(row, TextField.KEY, Tag.KEY, out);
  out.byte(Tag.SCOPE);
  out.byte(row.scope);
  writeText(row, TextField.USER_ID, Tag.USER_ID, out);
  writeText(row, TextField.TEAM, Tag.TEAM, out);
  writeText(row, TextField.CATEGORY, Tag.CATEGORY, out);
  if (isFull) writeText(row, TextField.CONTENT, Tag.CONTENT, out);
  for (let index = 0; index < row.tags; index++) {
    writeBytes(row.bytes, row.tagStart(index), row.tagEnd(index), Tag.TAGS, out);
  }
  const metadata = isFull ? shownMetadata(row) : undefined;
  if (metadata !== undefined) {
    out.byte(Tag.METADATA);
    const part = out.open(METADATA_SIZE);
    writeStruct(metadata, out);
    out.close(part);
  }
  out.byte(Tag.REVISION);
  out.varint(row.revision);
  out.byte(Tag.ETAG);
  const etag = out.open(1);
  out.decimal(row.changeNo);
  out.close(etag);
  writeText(row, TextField.AUTHOR, Tag.AUTHOR, out);
  writeTime(Tag.CREATE_TIME, row.createTime, out);
  writeTime(Tag.UPDATE_TIME, row.updateTime, out);
  if (row.deleteTime !== undefined) writeTime(Tag.DELETE_TIME, row.deleteTime, out);
  if (row.expireTime !== undefined) writeTime(Tag.EXPIRE_TIME, row.expireTime, out);
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
