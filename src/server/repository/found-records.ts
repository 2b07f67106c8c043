import { ByteSink } from '../domain/byte-sink.ts';
import { MemoryRecord } from '../domain/memory.ts';
import { idText, MemoryRow, type RowCodec, TextField } from '../domain/memory-row.ts';
import { BinaryRow } from './binary-row.ts';

/** About what a memory takes; only the first size of a buffer that grows. */
const USUAL_BYTES = 1024;

/** The records of one statement of point reads, encoded straight from the rows that the database sent. */
export class FoundRecords {
  readonly #codec: RowCodec;
  readonly #columns = new BinaryRow();
  readonly #row = new MemoryRow();
  readonly #out = new ByteSink(USUAL_BYTES);
  readonly #byName = new Map<string, MemoryRecord>();

  constructor(codec: RowCodec) {
    this.#codec = codec;
  }

  /** @param name "WORKSPACE/ID" */
  get(name: string): MemoryRecord | undefined {
    return this.#byName.get(name);
  }

  /** Takes a row in binary form, whose bytes are only lent. */
  take(bytes: Buffer, start: number): void {
    const row = this.#row;
    this.#columns.readPlain(bytes, start, row);
    const out = this.#out;
    out.length = 0;
    this.#codec.encodeRow(row, out);
    // Bytes of its own: what is kept of a record in a cache must not keep those of the others.
    const message = new Uint8Array(out.length);
    message.set(out.written);
    const head = {
      scope: row.scope,
      userId: textOf(row, TextField.USER_ID),
      team: textOf(row, TextField.TEAM),
      changeNo: row.changeNo,
      deleteTime: row.deleteTime,
      expireTime: row.expireTime,
    };
    const name = `${this.#columns.workspaceId}/${idText(bytes, row.idAt)}`;
    this.#byName.set(name, new MemoryRecord(head, this.#codec, undefined, message));
  }
}

function textOf(row: MemoryRow, field: TextField): string {
  const [start, end] = [row.start(field), row.end(field)];
  return start === end ? '' : row.bytes.toString('utf8', start, end);
}
