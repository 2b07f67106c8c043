import { idText, MemoryRow } from '../domain/memory-row.ts';
import type { WrittenRows } from '../domain/written-rows.ts';
import { BinaryRow } from './binary-row.ts';
import { notKept } from './memory-lists.ts';

const ID_BYTES = 16;

/** Where a page ended. */
export interface Place {
  readonly id: string;
  readonly createTime: number;
  readonly changeNo: number;
}

/**
 * Takes the rows of a page as they come from the database, until it is full. How many come is decided
 * before their size is known; those that a page of unexpectedly large rows has no room for are let go
 * as they come, and the next page asks for fewer.
 */
export class PageRows {
  readonly rows: WrittenRows;
  readonly #mostRows: number;
  readonly #mostBytes: number;
  readonly #flags = new BinaryRow();
  readonly #row = new MemoryRow();
  /** Id of the last row that was looked at, when it is not one of the page. */
  readonly #hiddenId = Buffer.alloc(ID_BYTES);
  #lastIsHidden = false;
  #lookedAt = 0;
  #isFull = false;
  #hasMore = false;

  /**
   * @param rows where they are written; what is in there is given up
   * @param mostRows to be looked at
   * @param mostBytes from which on no further row is taken; one always is
   */
  constructor(rows: WrittenRows, mostRows: number, mostBytes: number) {
    rows.clear();
    this.rows = rows;
    this.#mostRows = mostRows;
    this.#mostBytes = mostBytes;
  }

  /** Takes a row in binary form. @throws ServiceError INVALID_TOKEN when the state it belongs to is not kept */
  take(bytes: Buffer, start: number): void {
    if (this.#isFull) return;
    if (this.#lookedAt === this.#mostRows || this.rows.size >= this.#mostBytes) {
      this.#isFull = true;
      this.#hasMore = true;
      return;
    }
    const flags = this.#flags;
    const row = this.#row;
    flags.read(bytes, start, row);
    if (!flags.kept) throw notKept();
    this.#lookedAt++;
    this.#hasMore = flags.last;
    this.#lastIsHidden = !flags.matched;
    if (flags.matched) this.rows.add(row);
    else bytes.copy(this.#hiddenId, 0, row.idAt, row.idAt + ID_BYTES);
  }

  /** Where the next page starts; undefined: there is none. */
  get next(): Place | undefined {
    if (!this.#hasMore) return undefined;
    if (this.#lastIsHidden) {
      const { createTime, changeNo } = this.#row;
      return { id: idText(this.#hiddenId, 0), createTime, changeNo };
    }
    const last = this.rows.count - 1;
    return { id: this.rows.id(last), createTime: this.rows.createTime(last), changeNo: this.rows.changeNo(last) };
  }
}
