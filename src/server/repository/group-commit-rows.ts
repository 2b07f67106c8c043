import { EPOCH_MICROS } from './binary-row.ts';
import { OUTPUT_NUMBERS, OUTPUT_TEXTS } from './statements/write-changes.ts';

const NULL = -1;
const NUMBERS = OUTPUT_NUMBERS.length;
const FIRST_TIME = OUTPUT_NUMBERS.indexOf('create_time');
const LAST_TIME = OUTPUT_NUMBERS.indexOf('delete_time');
/** Of an array: dimensions, whether there are NULLs, type, number, lower bound. */
const ARRAY_HEAD = 20;

type TextColumn = (typeof OUTPUT_TEXTS)[number];

/**
 * What the write statement says of the changes of a batch, read from the binary form of its rows: for each
 * column its size and value, integers big-endian. All but a few columns of a few rows are numbers, and
 * are kept as such: the driver would make a string of every one.
 */
export class OutcomeRows {
  /** Rows that came. */
  count = 0;
  /** By place in the batch; NaN for NULL, and all along where no row came. */
  readonly #numbers: Float64Array;
  /** Those that are not NULL, which are those that the request did not bring. */
  readonly #texts = new Map<number, Buffer>();

  /** @param changes of the batch */
  constructor(changes: number) {
    this.#numbers = new Float64Array(changes * NUMBERS).fill(Number.NaN);
  }

  /** Takes a row of OUTPUT from a DataRow's content. Nothing of `bytes` is kept. */
  take(bytes: Buffer, start: number): void {
    // Behind the number of columns and the first one, which is the place in the batch.
    const ord = bytes.readInt32BE(start + 6);
    let at = start + 10;
    for (let index = 0; index < NUMBERS; index++) {
      const size = bytes.readInt32BE(at);
      at += 4;
      if (size === NULL) continue;
      const value = readInteger(bytes, at, size);
      at += size;
      this.#numbers[ord * NUMBERS + index] = index >= FIRST_TIME && index <= LAST_TIME ? value + EPOCH_MICROS : value;
    }
    for (let index = 0; index < OUTPUT_TEXTS.length; index++) {
      const size = bytes.readInt32BE(at);
      at += 4;
      if (size === NULL) continue;
      this.#texts.set(ord * OUTPUT_TEXTS.length + index, Buffer.from(bytes.subarray(at, at + size)));
      at += size;
    }
    this.count++;
  }

  /** @param column its place in OUTPUT_NUMBERS @returns NaN for NULL; times in microseconds since 1970 */
  number(ord: number, column: number): number {
    return this.#numbers[ord * NUMBERS + column] as number;
  }

  optionalNumber(ord: number, column: number): number | undefined {
    const value = this.number(ord, column);
    return Number.isNaN(value) ? undefined : value;
  }

  /** @throws Error when the column is NULL, which is a bug of the statement */
  text(ord: number, column: TextColumn): string {
    return this.#given(ord, column).toString();
  }

  /** @throws Error as `text` */
  textArray(ord: number, column: TextColumn): string[] {
    const bytes = this.#given(ord, column);
    const values: string[] = [];
    for (let at = ARRAY_HEAD; at < bytes.length; ) {
      const end = at + 4 + bytes.readInt32BE(at);
      values.push(bytes.toString('utf8', at + 4, end));
      at = end;
    }
    return values;
  }

  /** JSON, behind a byte for the format's version; undefined: NULL. */
  json(ord: number, column: TextColumn): string | undefined {
    return this.#bytes(ord, column)?.toString('utf8', 1);
  }

  #given(ord: number, column: TextColumn): Buffer {
    const bytes = this.#bytes(ord, column);
    if (bytes === undefined) throw new Error(`the write statement left out ${column}, which the request has not`);
    return bytes;
  }

  #bytes(ord: number, column: TextColumn): Buffer | undefined {
    return this.#texts.get(ord * OUTPUT_TEXTS.length + OUTPUT_TEXTS.indexOf(column));
  }
}

function readInteger(bytes: Buffer, at: number, size: number): number {
  if (size === 8) return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
  return size === 4 ? bytes.readInt32BE(at) : bytes.readInt16BE(at);
}
