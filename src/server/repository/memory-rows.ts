import {
  type JsonObject,
  type Memory,
  type MemoryCodec,
  MemoryRecord,
  type Micros,
  type Operation,
  type Revision,
  type Scope,
} from '../domain/memory.ts';
import { parseTextArray } from './statements/array-literal.ts';
import type { SqlValue } from './statements/statement.ts';

/** A row as the driver received it: the text of every column. */
export type Row = readonly SqlValue[];

/** Columns of a memory in the order memoryOf reads them; `content` may come back as NULL where it is not shown. */
export const MEMORY_COLUMNS = [
  'id',
  'scope',
  'user_id',
  'team',
  'key',
  'category',
  'content',
  'tags',
  'metadata',
  'revision',
  'change_no',
  'author',
  'create_time',
  'update_time',
  'expire_time',
  'delete_time',
] as const;

/** The columns as a select list, each by `column(name)`. */
export function memoryColumns(column: (name: string) => string): string {
  return MEMORY_COLUMNS.map(column).join(', ');
}

/** Reads MEMORY_COLUMNS from the start of a row. */
export function memoryOf(row: Row): Memory {
  return {
    id: text(row[0]),
    scope: Number(row[1]) as Scope,
    userId: text(row[2]),
    team: text(row[3]),
    key: text(row[4]),
    category: text(row[5]),
    content: text(row[6]),
    tags: tagsOf(row[7]),
    metadata: metadataOf(row[8]),
    revision: Number(row[9]),
    changeNo: Number(row[10]),
    author: text(row[11]),
    createTime: microsOf(text(row[12])),
    updateTime: microsOf(text(row[13])),
    expireTime: optionalMicros(row[14]),
    deleteTime: optionalMicros(row[15]),
  };
}

export function recordOf(memory: Memory, codec: MemoryCodec): MemoryRecord {
  return new MemoryRecord(memory, codec, memory, undefined);
}

/** Reads MEMORY_COLUMNS, then operation and note. */
export function revisionOf(row: Row): Revision {
  const after = MEMORY_COLUMNS.length;
  return { memory: memoryOf(row), operation: Number(row[after]) as Operation, note: text(row[after + 1]) };
}

/** @throws Error when the column is NULL or missing, which is a bug of the statement */
export function text(value: SqlValue | undefined): string {
  if (value === null || value === undefined) throw new Error('a column that is never NULL is NULL');
  return value;
}

const NO_TAGS: readonly string[] = Object.freeze([]);

export function tagsOf(value: SqlValue | undefined): readonly string[] {
  const literal = text(value);
  return literal === '{}' ? NO_TAGS : parseTextArray(literal);
}

export function metadataOf(value: SqlValue | undefined): JsonObject | undefined {
  return value === null || value === undefined ? undefined : (JSON.parse(value) as JsonObject);
}

export function optionalMicros(value: SqlValue | undefined): Micros | undefined {
  return value === null || value === undefined ? undefined : microsOf(value);
}

/**
 * Reads a timestamptz in the ISO style, "2026-01-02 03:04:05.678901+05:30", to the microsecond. By
 * hand: a Date would lose the microseconds and be garbage, four times a row.
 *
 * @throws Error for any other style: DateStyle of the session was changed
 */
export function microsOf(value: string): Micros {
  const seconds = Date.UTC(
    digits(value, 0, 4),
    digits(value, 5, 7) - 1,
    digits(value, 8, 10),
    digits(value, 11, 13),
    digits(value, 14, 16),
    digits(value, 17, 19),
  );
  let at = 19;
  let fraction = 0;
  if (value.charCodeAt(at) === 0x2e) {
    let unit = 100_000;
    for (at++; at < value.length && isDigit(value.charCodeAt(at)); at++, unit /= 10) {
      fraction += (value.charCodeAt(at) - 0x30) * unit;
    }
  }
  const micros = seconds * 1000 + fraction - offsetSeconds(value, at) * 1_000_000;
  if (!Number.isSafeInteger(micros)) throw new Error('a time is not in the ISO style, or out of range');
  return micros;
}

/** "+05", "-05:30", "+00:19:32". */
function offsetSeconds(value: string, at: number): number {
  if (value.length === at + 3 && value.charCodeAt(at + 1) === 0x30 && value.charCodeAt(at + 2) === 0x30) return 0;
  const match = /^([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(value.slice(at));
  if (match === null) return Number.NaN;
  const [, sign, hours, minutes = '0', seconds = '0'] = match;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
}

function digits(value: string, from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) {
    const code = value.charCodeAt(i);
    if (!isDigit(code)) return Number.NaN;
    number = number * 10 + code - 0x30;
  }
  return number;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
