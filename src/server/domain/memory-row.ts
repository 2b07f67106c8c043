import { ByteSink } from './byte-sink.ts';
import type { MemoryCodec, Micros, Scope } from './memory.ts';

/** Texts of a MemoryRow: numbers of their places. */
export const TextField = { USER_ID: 0, TEAM: 1, KEY: 2, CATEGORY: 3, CONTENT: 4, AUTHOR: 5 } as const;
export type TextField = (typeof TextField)[keyof typeof TextField];

/**
 * A memory as it lies in the bytes that the database sent: numbers are read, texts are places in
 * `bytes` that hold their UTF-8. Lists and exports go over it a million times, so there is one, filled
 * again for every row: whoever is shown it takes what he needs before he returns.
 */
export class MemoryRow {
  #bytes: Buffer = NOTHING;
  #view = viewOf(NOTHING);
  /** Where the 16 bytes of the id are. */
  idAt = 0;
  scope: Scope = 3;
  revision = 0;
  changeNo = 0;
  createTime: Micros = 0;
  updateTime: Micros = 0;
  expireTime: Micros | undefined;
  deleteTime: Micros | undefined;
  tags = 0;
  /** Where the metadata's JSON begins and ends; both 0 when there are none. */
  metadataStart = 0;
  metadataEnd = 0;
  readonly #texts = new Int32Array(12);
  readonly #tags: number[] = [];

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Rows that came together share their bytes. */
  set bytes(bytes: Buffer) {
    if (bytes === this.#bytes) return;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  /** The same bytes, to be read by words. */
  get view(): DataView {
    return this.#view;
  }

  start(field: TextField): number {
    return this.#texts[2 * field] as number;
  }

  end(field: TextField): number {
    return this.#texts[2 * field + 1] as number;
  }

  tagStart(index: number): number {
    return this.#tags[2 * index] as number;
  }

  tagEnd(index: number): number {
    return this.#tags[2 * index + 1] as number;
  }

  setText(field: TextField, start: number, end: number): void {
    this.#texts[2 * field] = start;
    this.#texts[2 * field + 1] = end;
  }

  /** With bytes of its own: the columns from id to author. */
  copy(): MemoryRow {
    const from = this.idAt;
    const row = Object.assign(new MemoryRow(), this);
    row.bytes = Buffer.from(this.bytes.subarray(from, this.end(TextField.AUTHOR)));
    row.idAt = 0;
    if (this.metadataEnd > 0) {
      row.metadataStart = this.metadataStart - from;
      row.metadataEnd = this.metadataEnd - from;
    }
    for (const field of Object.values(TextField)) row.setText(field, this.start(field) - from, this.end(field) - from);
    row.tags = 0;
    for (let tag = 0; tag < this.tags; tag++) row.addTag(this.tagStart(tag) - from, this.tagEnd(tag) - from);
    return row;
  }

  /** @param json of an object */
  setMetadata(json: Buffer): void {
    this.metadataStart = this.bytes.length;
    this.bytes = Buffer.concat([this.bytes, json]);
    this.metadataEnd = this.bytes.length;
  }

  addTag(start: number, end: number): void {
    this.#tags[2 * this.tags] = start;
    this.#tags[2 * this.tags + 1] = end;
    this.tags++;
  }
}

const NOTHING = Buffer.alloc(0);

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes one memory: as a message, a line, ... */
export type RowWriter = (row: MemoryRow, out: ByteSink) => void;

/** A codec that needs no Memory for a row. */
export interface RowCodec extends MemoryCodec {
  /** Writes the same bytes as `encode` of the row's memory. */
  readonly encodeRow: RowWriter;
}

const text = new ByteSink(36);

/** An id, 16 bytes, as text. */
export function idText(bytes: Buffer, at: number): string {
  text.length = 0;
  text.id(bytes, at);
  return text.bytes.toString('latin1', 0, text.length);
}
