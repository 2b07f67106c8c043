import { ByteSink } from './byte-sink.ts';
import { idText, type MemoryRow, type RowWriter } from './memory-row.ts';

const ID_BYTES = 16;
/** About what a row takes when it is written; only the first size of a buffer that grows. */
const USUAL_BYTES = 512;

/** Rows of a page, each written by a RowWriter behind the one before it. */
export class WrittenRows {
  readonly #write: RowWriter;
  readonly #out: ByteSink;
  readonly #ends: number[] = [];
  readonly #createTimes: number[] = [];
  readonly #changeNos: number[] = [];
  #ids: Buffer;

  /** @param most rows that may come */
  constructor(write: RowWriter, most: number, mostBytes: number) {
    this.#write = write;
    this.#out = new ByteSink(Math.min(most * USUAL_BYTES, mostBytes));
    this.#ids = Buffer.allocUnsafe(Math.min(most, 64) * ID_BYTES);
  }

  add(row: MemoryRow): void {
    const at = this.count * ID_BYTES;
    if (at === this.#ids.length) this.#ids = Buffer.concat([this.#ids], this.#ids.length * 4);
    row.bytes.copy(this.#ids, at, row.idAt, row.idAt + ID_BYTES);
    this.#createTimes.push(row.createTime);
    this.#changeNos.push(row.changeNo);
    this.#write(row, this.#out);
    this.#ends.push(this.#out.length);
  }

  get count(): number {
    return this.#ends.length;
  }

  /** All of them. */
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
