import { ByteSink, copyShort } from './byte-sink.ts';
import { idText, type MemoryRow, type RowWriter } from './memory-row.ts';

const ID_BYTES = 16;
/** Room for the few rows of a first page, which may be all there is. */
const FIRST_BYTES = 16 * 1024;
/** Room for any page after it: to get there by doubling costs as much again. */
const NEXT_BYTES = 320 * 1024;
const FIRST_IDS = 64;

/**
 * Rows of a page, each written by a RowWriter behind the one before it. Filled again for a later page: to
 * allocate a buffer for each cost a quarter of an export's time in garbage collections.
 */
export class WrittenRows {
  readonly #write: RowWriter;
  readonly #out = new ByteSink(FIRST_BYTES, NEXT_BYTES);
  #ends: number[] = [];
  #createTimes: number[] = [];
  #changeNos: number[] = [];
  #ids = Buffer.allocUnsafe(FIRST_IDS * ID_BYTES);

  constructor(write: RowWriter) {
    this.#write = write;
  }

  clear(): void {
    this.#out.length = 0;
    this.#ends = [];
    this.#createTimes = [];
    this.#changeNos = [];
  }

  add(row: MemoryRow): void {
    const at = this.count * ID_BYTES;
    if (at === this.#ids.length) this.#ids = Buffer.concat([this.#ids], this.#ids.length * 4);
    copyShort(row.bytes, row.idAt, this.#ids, at, ID_BYTES);
    this.#createTimes.push(row.createTime);
    this.#changeNos.push(row.changeNo);
    this.#write(row, this.#out);
    this.#ends.push(this.#out.length);
  }

  get count(): number {
    return this.#ends.length;
  }

  /** All of them; only until they are cleared. */
  get bytes(): Buffer {
    return this.#out.written;
  }

  get size(): number {
    return this.#out.length;
  }

  /** Where the row of this number begins; of the one behind the last, where that ends. */
  start(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] as number);
  }

  end(index: number): number {
    return this.#ends[index] as number;
  }

  id(index: number): string {
    return idText(this.#ids, index * ID_BYTES);
  }

  createTime(index: number): number {
    return this.#createTimes[index] as number;
  }

  changeNo(index: number): number {
    return this.#changeNos[index] as number;
  }
}
