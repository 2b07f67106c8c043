import { LRUCache } from 'lru-cache';
import { type MemoryCodec, MemoryRecord } from '../domain/memory.ts';
import { DEAD_VALUE_TTL_MS, type EntryStore, FILL_TTL_MS, type Found, MARK_TTL_MS, type Step } from './protocol.ts';
import { type Entry, transition } from './transition.ts';

/** Bytes an entry takes besides its message: key, record and the places in the cache's tables. */
const ENTRY_BYTES = 400;

/**
 * Entries in this process. Right only where no other process writes to the database: then it needs
 * no polls and serves even while Postgres is away. Values hold the encoded message and nothing
 * else, so that the bound in bytes is one; every hit gets a record of its own.
 */
export class LocalStore implements EntryStore {
  readonly kind = 'local';
  readonly usable = true;
  readonly maxBytes: number;
  readonly maxValueBytes: number;
  readonly #codec: MemoryCodec;
  readonly #entries: LRUCache<string, Entry>;

  /** @param maxBytes of all values together; the least recently used give way */
  constructor(codec: MemoryCodec, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.maxValueBytes = maxBytes;
    this.#codec = codec;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (entry) => ENTRY_BYTES + (entry.state === 'V' ? entry.record.message.byteLength : 0),
    });
  }

  /** Entries, marks and leases included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes they take. */
  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  read(workspaceId: number, ids: readonly string[]): Found[] {
    return ids.map((id): Found => {
      const entry = this.#look(key(workspaceId, id));
      if (entry === undefined) return undefined;
      if (entry.state !== 'V') return entry.state;
      const { epoch, record } = entry;
      return { epoch, record: new MemoryRecord(record, this.#codec, undefined, record.message) };
    });
  }

  /** While as much again would fit, nobody needs to know what was used last, which is a fifth of looking. */
  #look(at: string): Entry | undefined {
    return this.#entries.calculatedSize < this.maxBytes / 2 ? this.#entries.peek(at) : this.#entries.get(at);
  }

  step(workspaceId: number, steps: readonly Step[]): boolean[] {
    return steps.map((step) => {
      const at = key(workspaceId, step.id);
      const now = this.#entries.get(at);
      const { taken, entry } = transition(now, step);
      if (entry === undefined) this.#entries.delete(at);
      else if (entry !== now) this.#keep(at, entry);
      return taken;
    });
  }

  #keep(at: string, entry: Entry): void {
    if (entry.state === 'V') {
      const { record } = entry;
      const kept = new MemoryRecord(record, this.#codec, undefined, record.message);
      // For ever, or until the bytes run out: nobody but this process can make it wrong.
      const ttl = record.deleteTime === undefined ? 0 : DEAD_VALUE_TTL_MS;
      this.#entries.set(at, { ...entry, record: kept }, { ttl });
    } else {
      this.#entries.set(at, entry, { ttl: entry.state === 'F' ? FILL_TTL_MS : MARK_TTL_MS });
    }
  }
}

function key(workspaceId: number, id: string): string {
  return `${workspaceId}:${id}`;
}
