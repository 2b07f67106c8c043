import type { Micros, Scope } from '../domain/memory.ts';
import type { MemoryRow } from '../domain/memory-row.ts';
import { TextField } from '../domain/memory-row.ts';

/**
 * What a page's statement says about a row, in front of the memory's columns: whether it is one of the
 * page, whether it was the last of the scan budget, and whether the state it belongs to is kept.
 */
export const PAGE_COLUMNS = ['matched', 'last', 'kept'] as const;

/** From 1970 to 2000, where PostgreSQL counts from. */
export const EPOCH_MICROS = 946_684_800_000_000;
const NULL = -1;

/**
 * Reads rows of PAGE_COLUMNS and MEMORY_COLUMNS, or of MEMORY_COLUMNS and a workspace, in PostgreSQL's binary form (the send functions of
 * its source): for each column its size and value, integers big-endian, times in microseconds since
 * 2000. Nothing is copied. Of a memory that was not there yet at an export's revision all but the id is
 * NULL, and comes out as nothing.
 */
export class BinaryRow {
  matched = false;
  last = false;
  kept = false;
  workspaceId = 0;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;

  /** @param start of a DataRow's content: the number of columns */
  read(bytes: Buffer, start: number, row: MemoryRow): void {
    this.#begin(bytes, start, row);
    this.matched = this.#bool();
    this.last = this.#bool();
    this.kept = this.#bool();
    this.#memory(row);
  }

  /** As read, of a row that has nothing before the memory's columns and its workspace behind them. */
  readPlain(bytes: Buffer, start: number, row: MemoryRow): void {
    this.#begin(bytes, start, row);
    this.#memory(row);
    this.#at += 8;
    this.workspaceId = this.#view.getInt32(this.#at - 4);
  }

  #begin(bytes: Buffer, start: number, row: MemoryRow): void {
    row.bytes = bytes;
    this.#view = row.view;
    this.#at = start + 2;
  }

  #memory(row: MemoryRow): void {
    row.idAt = this.#at + 4;
    this.#at += 20;
    row.scope = this.#int2() as Scope;
    this.#text(row, TextField.USER_ID);
    this.#text(row, TextField.TEAM);
    this.#text(row, TextField.KEY);
    this.#text(row, TextField.CATEGORY);
    this.#text(row, TextField.CONTENT);
    this.#tags(row);
    this.#metadata(row);
    row.revision = this.#int8();
    row.changeNo = this.#int8();
    this.#text(row, TextField.AUTHOR);
    row.createTime = this.#time() ?? 0;
    row.updateTime = this.#time() ?? 0;
    row.expireTime = this.#time();
    row.deleteTime = this.#time();
  }

  #size(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4);
  }

  #bool(): boolean {
    const isTrue = this.#size() === 1 && this.#view.getUint8(this.#at) === 1;
    this.#at++;
    return isTrue;
  }

  /** Where a value begins; undefined: it is NULL. */
  #value(): number | undefined {
    const size = this.#size();
    const start = this.#at;
    if (size === NULL) return undefined;
    this.#at += size;
    return start;
  }

  #int2(): number {
    const at = this.#value();
    return at === undefined ? 0 : this.#view.getInt16(at);
  }

  #int8(): number {
    return this.#optionalInt8() ?? 0;
  }

  #optionalInt8(): number | undefined {
    const at = this.#value();
    if (at === undefined) return undefined;
    return this.#view.getInt32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  #time(): Micros | undefined {
    const micros = this.#optionalInt8();
    return micros === undefined ? undefined : micros + EPOCH_MICROS;
  }

  #text(row: MemoryRow, field: TextField): void {
    const start = this.#value() ?? this.#at;
    row.setText(field, start, this.#at);
  }

  /** An array: dimensions, whether there are NULLs, type; if it has any, their number and lower bound; elements. */
  #tags(row: MemoryRow): void {
    const size = this.#size();
    const end = this.#at + size;
    row.tags = 0;
    if (size !== NULL && this.#view.getInt32(this.#at) > 0) {
      for (this.#at += 20; this.#at < end; ) {
        const length = this.#size();
        row.addTag(this.#at, this.#at + length);
        this.#at += length;
      }
    }
    this.#at = Math.max(this.#at, end);
  }

  /** JSON behind a byte for the format's version. */
  #metadata(row: MemoryRow): void {
    const start = this.#value();
    row.metadataStart = start === undefined ? 0 : start + 1;
    row.metadataEnd = start === undefined ? 0 : this.#at;
  }
}
