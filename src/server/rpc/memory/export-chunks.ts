import { hash } from 'node:crypto';
import type { ExportProgress } from '../../domain/export-memories.ts';
import type { MemoryRecord } from '../../domain/memory.ts';
import type { RowFormat } from './export-formats.ts';

/** A chunk ends with the row that brings it to one of these. */
const CHUNK_ROWS = 1000;
const CHUNK_BYTES = 128 * 1024;
/**
 * A row beyond this is cut into chunks of its own. Only JSON gets there: content of control
 * characters takes six times its bytes, 1.5 MiB, and no message may pass 1 MiB.
 */
const PART_BYTES = 512 * 1024;

export interface Chunk {
  readonly data: Buffer;
  /** Rows that end in it. */
  readonly rows: number;
  /** How far the export has come with it. */
  readonly progress: ExportProgress;
}

/**
 * Cuts the rows of an export into chunks. Where it cuts depends on nothing but the rows since the last
 * cut, so that an export that is resumed behind any chunk makes the same chunks, and the same digest,
 * as one that was not interrupted.
 */
export class ExportChunks {
  readonly #format: RowFormat;
  #progress: ExportProgress;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #pendingRows = 0;
  #lastId: string | undefined;
  /** Bytes of the first row that an earlier part gave out. */
  #skip: number;

  constructor(format: RowFormat, start: ExportProgress, resumed: boolean) {
    this.#format = format;
    this.#progress = start;
    this.#lastId = start.afterId;
    this.#skip = start.partBytes;
    if (!resumed && format.head !== '') this.#append(Buffer.from(format.head));
  }

  get progress(): ExportProgress {
    return this.#progress;
  }

  /** Takes the next row. @returns the chunks that it completes */
  *add(record: MemoryRecord): Generator<Chunk, void> {
    const row = this.#format.row(record);
    let offset = this.#skip;
    this.#skip = 0;
    if (row.length - offset > PART_BYTES) yield* this.flush();
    while (row.length - offset > PART_BYTES) {
      this.#append(row.subarray(offset, offset + PART_BYTES));
      offset += PART_BYTES;
      yield this.#cut(offset);
    }
    this.#append(row.subarray(offset));
    this.#pendingRows += 1;
    this.#lastId = record.memory.id;
    if (this.#pendingBytes >= CHUNK_BYTES || this.#pendingRows >= CHUNK_ROWS) yield* this.flush();
  }

  /** The chunk of what is left, if anything is. */
  *flush(): Generator<Chunk, void> {
    if (this.#pending.length > 0) yield this.#cut(0);
  }

  #append(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  #cut(partBytes: number): Chunk {
    const data = Buffer.concat(this.#pending, this.#pendingBytes);
    const rows = this.#pendingRows;
    const link = hash('sha256', data, 'buffer');
    this.#progress = {
      ...this.#progress,
      afterId: this.#lastId,
      rows: this.#progress.rows + rows,
      partBytes,
      digest: hash('sha256', Buffer.concat([this.#progress.digest, link]), 'buffer'),
    };
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingRows = 0;
    return { data, rows, progress: this.#progress };
  }
}
