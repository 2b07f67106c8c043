import { idText, MemoryRow, type RowWriter } from '../domain/memory-row.ts';
import { WrittenRows } from '../domain/written-rows.ts';
import { BinaryRow } from './binary-row.ts';
import { notKept } from './memory-lists.ts';

/** The last row that was looked at and is done with: given out, or no match. */
export interface Place {
  readonly id: string;
  readonly createTime: number;
  readonly changeNo: number;
}

/** Takes the rows of a page as they come from the database, until it is full. */
export class PageRows {
  readonly rows: WrittenRows;
  readonly #mostRows: number;
  readonly #mostBytes: number;
  readonly #flags = new BinaryRow();
  readonly #row = new MemoryRow();
  /** Of the last row of the scan budget, when it did not match. */
  #beyond: Place | undefined;
  #isFull = false;
  #hasMore = false;

  /** @param mostBytes from which on no further row is taken; one always is */
  constructor(write: RowWriter, mostRows: number, mostBytes: number) {
    this.rows = new WrittenRows(write, mostRows, mostBytes);
    this.#mostRows = mostRows;
    this.#mostBytes = mostBytes;
  }

  /** Takes a row in binary form. @throws ServiceError INVALID_TOKEN when the state it belongs to is not kept */
  take(bytes: Buffer, start: number): void {
    if (this.#isFull) return;
    const flags = this.#flags;
    flags.read(bytes, start, this.#row);
    if (!flags.kept) throw notKept();
    const hasRoom = this.rows.count < this.#mostRows && this.rows.size < this.#mostBytes;
    this.#isFull = !hasRoom || (flags.matched && !flags.fits);
    this.#hasMore = this.#isFull || flags.last;
    if (this.#isFull) return;
    const row = this.#row;
    if (flags.matched) this.rows.add(row);
    else this.#beyond = { id: idText(bytes, row.idAt), createTime: row.createTime, changeNo: row.changeNo };
  }

  /** Where the next page starts; undefined: there is none. */
  get next(): Place | undefined {
    if (!this.#hasMore) return undefined;
    if (this.#beyond !== undefined) return this.#beyond;
    const last = this.rows.count - 1;
    return { id: this.rows.id(last), createTime: this.rows.createTime(last), changeNo: this.rows.changeNo(last) };
  }
}
