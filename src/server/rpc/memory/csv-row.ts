import { ByteSink } from '../../domain/byte-sink.ts';
import { type MemoryRow, TextField } from '../../domain/memory-row.ts';
import { writeJsonTags } from './jsonl-row.ts';
import { writeTimeText } from './row-text.ts';
import { writeMetadata } from './shown-metadata.ts';

const SCOPES = ['', 'SCOPE_PERSONAL', 'SCOPE_TEAM', 'SCOPE_WORKSPACE'].map((name) => Buffer.from(name));
const COMMA = 0x2c;
const QUOTE = 0x22;

export const CSV_HEAD =
  'id,key,scope,user_id,team,category,content,tags,metadata,revision,etag,author,create_time,update_time,delete_time,expire_time\r\n';

/** What is put together before it is known whether it needs quotes. */
const scratch = new ByteSink(1024);

/**
 * Writes a memory as a line of CSV (RFC 4180). Text that a spreadsheet would take for a formula stays
 * as it is: an export is a copy, byte for byte, and what opens it decides what to trust.
 */
export function writeCsvLine(row: MemoryRow, out: ByteSink): void {
  out.id(row.bytes, row.idAt);
  writeField(row, TextField.KEY, out);
  out.byte(COMMA);
  out.fixed(SCOPES[row.scope] as Buffer);
  writeField(row, TextField.USER_ID, out);
  writeField(row, TextField.TEAM, out);
  writeField(row, TextField.CATEGORY, out);
  writeField(row, TextField.CONTENT, out);
  out.byte(COMMA);
  scratch.length = 0;
  if (row.tags > 0) writeJsonTags(row, scratch);
  writeQuoted(scratch.bytes, 0, scratch.length, out);
  out.byte(COMMA);
  scratch.length = 0;
  if (row.metadataEnd > 0) writeMetadata(row, scratch);
  writeQuoted(scratch.bytes, 0, scratch.length, out);
  out.byte(COMMA);
  out.decimal(row.revision);
  out.byte(COMMA);
  out.decimal(row.changeNo);
  writeField(row, TextField.AUTHOR, out);
  for (const time of [row.createTime, row.updateTime, row.deleteTime, row.expireTime]) {
    out.byte(COMMA);
    if (time !== undefined) writeTimeText(time, out);
  }
  out.byte(0x0d);
  out.byte(0x0a);
}

function writeField(row: MemoryRow, field: TextField, out: ByteSink): void {
  out.byte(COMMA);
  writeQuoted(row.bytes, row.start(field), row.end(field), out);
}

/** In quotes when there is something in it that needs them. */
function writeQuoted(bytes: Buffer, start: number, end: number, out: ByteSink): void {
  let isPlain = true;
  for (let at = start; isPlain && at < end; at++) {
    const byte = bytes[at];
    isPlain = byte !== QUOTE && byte !== COMMA && byte !== 0x0a && byte !== 0x0d;
  }
  if (!isPlain) out.byte(QUOTE);
  let from = start;
  for (let at = start; !isPlain && at < end; at++) {
    if (bytes[at] !== QUOTE) continue;
    // Up to the quote and with it; the next run begins with it again.
    out.copy(bytes, from, at + 1);
    from = at;
  }
  out.copy(bytes, from, end);
  if (!isPlain) out.byte(QUOTE);
}
