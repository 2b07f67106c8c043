import { LRUCache } from 'lru-cache';
import { type MemoryCodec, MemoryRecord } from '../domain/memory.ts';

/** Oldest answer to an EVENTUAL read. */
const MAX_AGE_MS = 1_000;
/** Bytes an entry takes besides its message. */
const ENTRY_BYTES = 400;

interface Entry {
  readonly record: MemoryRecord;
  /** performance.now() before it was read. */
  readonly readAt: number;
}

/**
 * What EVENTUAL reads found less than a second ago, where several processes write: bounded by age
 * and by bytes, never told of writes elsewhere. Absent memories are not kept.
 */
export class NearCache {
  readonly maxBytes: number;
  readonly #codec: MemoryCodec;
  readonly #entries: LRUCache<string, Entry>;

  constructor(codec: MemoryCodec, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#codec = codec;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ record }) => ENTRY_BYTES + record.message.byteLength,
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get(workspaceId: number, id: string): MemoryRecord | undefined {
    const key = `${workspaceId}:${id}`;
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (performance.now() - entry.readAt >= MAX_AGE_MS) {
      this.#entries.delete(key);
      return undefined;
    }
    return new MemoryRecord(entry.record, this.#codec, undefined, entry.record.message);
  }

  /** @param readAt performance.now() before the record was asked for, wherever it came from */
  put(workspaceId: number, id: string, record: MemoryRecord, readAt: number): void {
    // A message from Redis is a view of the whole reply: a copy keeps the bound in bytes honest.
    const message = Uint8Array.from(record.message);
    this.#entries.set(`${workspaceId}:${id}`, {
      record: new MemoryRecord(record, this.#codec, undefined, message),
      readAt,
    });
  }

  /** So that a process sees its own writes at once, which costs nothing. */
  forget(workspaceId: number, id: string): void {
    this.#entries.delete(`${workspaceId}:${id}`);
  }
}
