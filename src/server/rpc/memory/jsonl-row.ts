import type { ByteSink } from '../../domain/byte-sink.ts';
import { type MemoryRow, TextField } from '../../domain/memory-row.ts';
import { writeJsonText, writeTimeText } from './row-text.ts';
import { writeMetadata } from './shown-metadata.ts';

const SCOPES = ['""', '"SCOPE_PERSONAL"', '"SCOPE_TEAM"', '"SCOPE_WORKSPACE"'].map((name) => Buffer.from(name));

/** What stands between values. */
const ID = Buffer.from('{"id":"');
const KEY = Buffer.from(',"key":');
const SCOPE = Buffer.from(',"scope":');
const USER_ID = Buffer.from(',"user_id":');
const TEAM = Buffer.from(',"team":');
const CATEGORY = Buffer.from(',"category":');
const CONTENT = Buffer.from(',"content":');
const TAGS = Buffer.from(',"tags":');
const METADATA = Buffer.from(',"metadata":');
const REVISION = Buffer.from(',"revision":"');
const ETAG = Buffer.from('","etag":"');
const AUTHOR = Buffer.from(',"author":');
const CREATE_TIME = Buffer.from(',"create_time":"');
const UPDATE_TIME = Buffer.from(',"update_time":"');
const DELETE_TIME = Buffer.from(',"delete_time":"');
const EXPIRE_TIME = Buffer.from(',"expire_time":"');
const END = Buffer.from('}\n');

/** Writes a memory as a line with an object in the proto3 JSON mapping, byte for byte as `memoryToJson` has it. */
export function writeJsonLine(row: MemoryRow, out: ByteSink): void {
  out.fixed(ID);
  out.id(row.bytes, row.idAt);
  out.byte(0x22);
  writeField(row, TextField.KEY, KEY, out);
  out.fixed(SCOPE);
  out.fixed(SCOPES[row.scope] as Buffer);
  writeField(row, TextField.USER_ID, USER_ID, out);
  writeField(row, TextField.TEAM, TEAM, out);
  writeField(row, TextField.CATEGORY, CATEGORY, out);
  writeField(row, TextField.CONTENT, CONTENT, out);
  if (row.tags > 0) {
    out.fixed(TAGS);
    writeJsonTags(row, out);
  }
  if (row.metadataEnd > 0) {
    out.fixed(METADATA);
    writeMetadata(row, out);
  }
  out.fixed(REVISION);
  out.decimal(row.revision);
  out.fixed(ETAG);
  out.decimal(row.changeNo);
  out.byte(0x22);
  writeField(row, TextField.AUTHOR, AUTHOR, out);
  writeTime(row.createTime, CREATE_TIME, out);
  writeTime(row.updateTime, UPDATE_TIME, out);
  writeTime(row.deleteTime, DELETE_TIME, out);
  writeTime(row.expireTime, EXPIRE_TIME, out);
  out.fixed(END);
}

/** A list of texts. */
export function writeJsonTags(row: MemoryRow, out: ByteSink): void {
  out.byte(0x5b);
  for (let index = 0; index < row.tags; index++) {
    if (index > 0) out.byte(0x2c);
    writeJsonText(row, row.tagStart(index), row.tagEnd(index), out);
  }
  out.byte(0x5d);
}

function writeField(row: MemoryRow, field: TextField, name: Buffer, out: ByteSink): void {
  const start = row.start(field);
  const end = row.end(field);
  if (start === end) return;
  out.fixed(name);
  writeJsonText(row, start, end, out);
}

function writeTime(micros: number | undefined, name: Buffer, out: ByteSink): void {
  if (micros === undefined) return;
  out.fixed(name);
  writeTimeText(micros, out);
  out.byte(0x22);
}
