import type { ByteSink } from '../../domain/byte-sink.ts';
import { type MemoryRow, TextField } from '../../domain/memory-row.ts';
import { writeJsonText, writeTimeText } from './row-text.ts';
import { shownMetadata } from './shown-metadata.ts';

const SCOPES = ['', '"SCOPE_PERSONAL"', '"SCOPE_TEAM"', '"SCOPE_WORKSPACE"'];

/** Writes a memory as a line with an object in the proto3 JSON mapping, byte for byte as `memoryToJson` has it. */
export function writeJsonLine(row: MemoryRow, out: ByteSink): void {
  out.ascii('{"id":"');
  out.id(row.bytes, row.idAt);
  out.byte(0x22);
  writeField(row, TextField.KEY, ',"key":', out);
  out.ascii(',"scope":');
  out.ascii(SCOPES[row.scope] ?? '""');
  writeField(row, TextField.USER_ID, ',"user_id":', out);
  writeField(row, TextField.TEAM, ',"team":', out);
  writeField(row, TextField.CATEGORY, ',"category":', out);
  writeField(row, TextField.CONTENT, ',"content":', out);
  if (row.tags > 0) {
    out.ascii(',"tags":');
    writeJsonTags(row, out);
  }
  const metadata = shownMetadata(row);
  if (metadata !== undefined) {
    out.ascii(',"metadata":');
    out.text(JSON.stringify(metadata));
  }
  out.ascii(',"revision":"');
  out.decimal(row.revision);
  out.ascii('","etag":"');
  out.decimal(row.changeNo);
  out.byte(0x22);
  writeField(row, TextField.AUTHOR, ',"author":', out);
  writeTime(row.createTime, ',"create_time":"', out);
  writeTime(row.updateTime, ',"update_time":"', out);
  writeTime(row.deleteTime, ',"delete_time":"', out);
  writeTime(row.expireTime, ',"expire_time":"', out);
  out.ascii('}\n');
}

/** A list of texts. */
export function writeJsonTags(row: MemoryRow, out: ByteSink): void {
  out.byte(0x5b);
  for (let index = 0; index < row.tags; index++) {
    if (index > 0) out.byte(0x2c);
    writeJsonText(row.bytes, row.tagStart(index), row.tagEnd(index), out);
  }
  out.byte(0x5d);
}

function writeField(row: MemoryRow, field: TextField, name: string, out: ByteSink): void {
  const start = row.start(field);
  const end = row.end(field);
  if (start === end) return;
  out.ascii(name);
  writeJsonText(row.bytes, start, end, out);
}

function writeTime(micros: number | undefined, name: string, out: ByteSink): void {
  if (micros === undefined) return;
  out.ascii(name);
  writeTimeText(micros, out);
  out.byte(0x22);
}
