import type { ByteSink } from '../byte-sink.ts';
import type { JsonObject } from '../memory.ts';
import { idText, type MemoryRow, type RowWriter } from '../memory-row.ts';
import { WrittenRows } from '../written-rows.ts';
import type { MetadataSealing, RevealingCall } from './metadata-sealing.ts';

/**
 * Rows of an export with their secrets in clear. Rows are written from bytes that are gone before a
 * secret can be opened, so each is kept, and those with secrets are written once more.
 */
export class RevealedRows {
  readonly #sealing: MetadataSealing;
  readonly #call: RevealingCall;
  readonly #write: RowWriter;
  /** By pages in the order they were asked for: the next one is read while this one is revealed. */
  readonly #pages: MemoryRow[][] = [];

  constructor(sealing: MetadataSealing, call: RevealingCall, write: RowWriter) {
    this.#sealing = sealing;
    this.#call = call;
    this.#write = write;
  }

  /** The writer of the next page. */
  keep(): RowWriter {
    const page: MemoryRow[] = [];
    this.#pages.push(page);
    return (row: MemoryRow, out: ByteSink) => {
      page.push(row.copy());
      this.#write(row, out);
    };
  }

  /** The rows of the page that was asked for first. */
  async revealed(rows: WrittenRows): Promise<WrittenRows> {
    const page = this.#pages.shift() ?? [];
    const memories = page.map((row) => ({
      id: idText(row.bytes, row.idAt),
      changeNo: row.changeNo,
      metadata: metadataOf(row),
    }));
    const clear = await this.#sealing.revealed(this.#call, memories);
    if (clear.every((memory, index) => memory === memories[index])) return rows;
    const again = new WrittenRows(this.#write);
    page.forEach((row, index) => {
      const { metadata } = clear[index] ?? {};
      if (metadata !== memories[index]?.metadata) row.setMetadata(Buffer.from(JSON.stringify(metadata)));
      again.add(row);
    });
    return again;
  }
}

function metadataOf(row: MemoryRow): JsonObject | undefined {
  const { bytes, metadataStart, metadataEnd } = row;
  if (metadataEnd === 0 || bytes.indexOf('[sealed:', metadataStart) < 0) return undefined;
  return JSON.parse(bytes.toString('utf8', metadataStart, metadataEnd)) as JsonObject;
}
