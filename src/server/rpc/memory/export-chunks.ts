import { hash } from 'node:crypto';
import { ByteSink } from '../../domain/byte-sink.ts';
import type { ExportProgress } from '../../domain/export-memories.ts';
import { FIRST_ROWS } from '../../domain/paging.ts';
import type { WrittenRows } from '../../domain/written-rows.ts';
import { CHUNK_ROOM } from './chunk-message.ts';

/** A chunk ends with the row that brings it to one of these. */
const CHUNK_ROWS = 1000;
const CHUNK_BYTES = 128 * 1024;
/**
 * A row beyond this is cut into chunks of its own. Only JSON gets there: content of control
 * characters takes six times its bytes, 1.5 MiB, and no message may pass 1 MiB.
 */
const PART_BYTES = 512 * 1024;
/** Room for the row that ends a chunk. */
const MARGIN = 8 * 1024;

export interface Chunk {
  /** Its data, behind CHUNK_ROOM bytes that are free. Filled again when the chunk after the next one is asked for. */
  readonly out: ByteSink;
  /** Rows that end in it. */
  readonly rows: number;
  /** How far the export has come with it. */
  readonly progress: ExportProgress;
}

/**
 * Cuts the rows of an export into chunks. Where it cuts depends on nothing but the rows since the last
 * cut, so that an export that is resumed behind any chunk makes the same chunks, and the same digest,
 * as one that was not interrupted. The very first chunk is small, and there while the next rows are read.
 */
export class ExportChunks {
  #progress: ExportProgress;
  #pending = emptyChunk();
  /** In which the chunk before this one was given out, which may still be on its way. */
  #other = emptyChunk();
  #pendingRows = 0;
  #chunkRows: number;
  #lastId: string | undefined;
  /** Bytes of the first row that an earlier part gave out. */
  #skip: number;

  constructor(head: string, start: ExportProgress, resumed: boolean) {
    this.#progress = start;
    this.#chunkRows = resumed ? CHUNK_ROWS : FIRST_ROWS;
    this.#lastId = start.afterId;
    this.#skip = start.partBytes;
    if (!resumed && head !== '') this.#pending.text(head);
  }

  get progress(): ExportProgress {
    return this.#progress;
  }

  /** Takes the next rows. @returns the chunks that they complete */
  *add(rows: WrittenRows): Generator<Chunk, void> {
    const { bytes, count } = rows;
    /** Where what was not taken yet begins. */
    let from = this.#skip;
    let pendingBytes = this.#pendingBytes - from;
    if (count === 0) return;
    this.#skip = 0;
    for (let index = 0; index < count; index++) {
      const end = rows.end(index);
      if (end - Math.max(from, rows.start(index)) > PART_BYTES) {
        // What is before it is a chunk of its own, and it is cut into others but for its end.
        this.#pending.copy(bytes, from, Math.max(from, rows.start(index)));
        from = Math.max(from, rows.start(index));
        if (index > 0) this.#lastId = rows.id(index - 1);
        yield* this.flush();
        for (; end - from > PART_BYTES; from += PART_BYTES) {
          this.#pending.copy(bytes, from, from + PART_BYTES);
          yield this.#cut(from + PART_BYTES - rows.start(index));
        }
        pendingBytes = -from;
      }
      this.#pendingRows += 1;
      if (pendingBytes + end < CHUNK_BYTES && this.#pendingRows < this.#chunkRows) continue;
      this.#pending.copy(bytes, from, end);
      from = end;
      pendingBytes = -from;
      this.#lastId = rows.id(index);
      yield this.#cut(0);
    }
    if (from === bytes.length) return;
    this.#pending.copy(bytes, from, bytes.length);
    this.#lastId = rows.id(count - 1);
  }

  /** The chunk of what is left, if anything is. */
  *flush(): Generator<Chunk, void> {
    if (this.#pendingBytes > 0) yield this.#cut(0);
  }

  get #pendingBytes(): number {
    return this.#pending.length - CHUNK_ROOM;
  }

  #cut(partBytes: number): Chunk {
    const out = this.#pending;
    const rows = this.#pendingRows;
    const link = hash('sha256', out.bytes.subarray(CHUNK_ROOM, out.length), 'buffer');
    this.#progress = {
      ...this.#progress,
      afterId: this.#lastId,
      rows: this.#progress.rows + rows,
      partBytes,
      digest: hash('sha256', Buffer.concat([this.#progress.digest, link]), 'buffer'),
    };
    this.#pending = this.#other;
    this.#pending.length = CHUNK_ROOM;
    this.#other = out;
    this.#pendingRows = 0;
    this.#chunkRows = CHUNK_ROWS;
    return { out, rows, progress: this.#progress };
  }
}

function emptyChunk(): ByteSink {
  const out = new ByteSink(CHUNK_BYTES + MARGIN);
  out.length = CHUNK_ROOM;
  return out;
}
