import { ExportFormat } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import { memoryToJson } from '../../../shared/memory-json.ts';
import type { Memory, MemoryRecord } from '../../domain/memory.ts';
import { formatTime } from '../../domain/time.ts';
import { varintSize, writeVarint } from './memory-frames.ts';
import { toMessage } from './proto-codec.ts';

/** How memories are written in an export. */
export interface RowFormat {
  /** What an export begins with. */
  readonly head: string;
  row(record: MemoryRecord): Buffer;
}

/** Memory messages, each behind its length as a varint. */
const PROTO: RowFormat = {
  head: '',
  row({ message }) {
    const out = Buffer.allocUnsafe(varintSize(message.length) + message.length);
    out.set(message, writeVarint(out, 0, message.length));
    return out;
  },
};

/** One object a line in the proto3 JSON mapping. */
const JSONL: RowFormat = {
  head: '',
  row: ({ memory }) => Buffer.from(`${JSON.stringify(memoryToJson(toMessage(memory)))}\n`),
};

const SCOPES = ['', 'SCOPE_PERSONAL', 'SCOPE_TEAM', 'SCOPE_WORKSPACE'];

const time = (micros: number | undefined) => (micros === undefined ? '' : formatTime(micros));

const CSV_COLUMNS: readonly (readonly [name: string, text: (memory: Memory) => string])[] = [
  ['id', ({ id }) => id],
  ['key', ({ key }) => key],
  ['scope', ({ scope }) => SCOPES[scope] ?? ''],
  ['user_id', ({ userId }) => userId],
  ['team', ({ team }) => team],
  ['category', ({ category }) => category],
  ['content', ({ content }) => content],
  ['tags', ({ tags }) => (tags.length === 0 ? '' : JSON.stringify(tags))],
  ['metadata', ({ metadata }) => (metadata === undefined ? '' : JSON.stringify(metadata))],
  ['revision', ({ revision }) => String(revision)],
  ['etag', ({ changeNo }) => String(changeNo)],
  ['author', ({ author }) => author],
  ['create_time', ({ createTime }) => time(createTime)],
  ['update_time', ({ updateTime }) => time(updateTime)],
  ['delete_time', ({ deleteTime }) => time(deleteTime)],
  ['expire_time', ({ expireTime }) => time(expireTime)],
];

/**
 * RFC 4180. Text that a spreadsheet would take for a formula stays as it is: an export is a copy,
 * byte for byte, and what opens it decides what to trust.
 */
const CSV: RowFormat = {
  head: `${CSV_COLUMNS.map(([name]) => name).join()}\r\n`,
  row: ({ memory }) => Buffer.from(`${CSV_COLUMNS.map(([, text]) => csvField(text(memory))).join()}\r\n`),
};

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** PROTO unless the caller says otherwise. */
export function rowFormat(format: number): RowFormat {
  if (format === ExportFormat.JSONL) return JSONL;
  return format === ExportFormat.CSV ? CSV : PROTO;
}
