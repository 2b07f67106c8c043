import { LRUCache } from 'lru-cache';
import { type MemoryCodec, MemoryRecord } from '../domain/memory.ts';
import {
  DEAD_VALUE_TTL_MS,
  type EntryStore,
  FILL_TTL_MS,
  type Found,
  MARK_TTL_MS,
  type Step,
  type Value,
} from './protocol.ts';

type Entry =
  | { readonly state: 'V'; readonly epoch: number; readonly record: MemoryRecord }
  | { readonly state: 'P' | 'X' | 'F'; readonly token: string };

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
      const entry = this.#entries.get(key(workspaceId, id));
      if (entry === undefined) return undefined;
      if (entry.state !== 'V') return entry.state;
      const { epoch, record } = entry;
      return { epoch, record: new MemoryRecord(record, this.#codec, undefined, record.message) };
    });
  }

  async step(workspaceId: number, steps: readonly Step[]): Promise<boolean[]> {
    return steps.map((step) => this.#take(key(workspaceId, step.id), step));
  }

  /** The same moves as STEP_SCRIPT, branch by branch; a test walks both side by side. */
  #take(key: string, step: Step): boolean {
    const now = this.#entries.get(key);
    switch (step.op) {
      case 'lease':
        if (now === undefined || (now.state === 'V' && now.epoch === step.over)) {
          this.#entries.set(key, { state: 'F', token: step.token }, { ttl: FILL_TTL_MS });
          return true;
        }
        return false;
      case 'fill':
        if (now?.state === 'F' && now.token === step.token) {
          this.#keep(key, step.value);
          return true;
        }
        return false;
      case 'mark': {
        const contended = now?.state === 'P' || now?.state === 'X';
        this.#entries.set(key, { state: contended ? 'X' : 'P', token: step.token }, { ttl: MARK_TTL_MS });
        return !contended;
      }
      case 'settle':
        if (now?.state === 'P' && now.token === step.token) {
          if (step.value === undefined) this.#entries.delete(key);
          else this.#keep(key, step.value);
          return true;
        }
        if (now?.state === 'F' || now?.state === 'V') this.#entries.delete(key);
        return false;
    }
  }

  #keep(key: string, value: Value & { readonly record: MemoryRecord }): void {
    const { epoch, record } = value;
    const kept = new MemoryRecord(record, this.#codec, undefined, record.message);
    this.#entries.set(
      key,
      { state: 'V', epoch, record: kept },
      { ttl: record.deleteTime === undefined ? 0 : DEAD_VALUE_TTL_MS },
    );
  }
}

function key(workspaceId: number, id: string): string {
  return `${workspaceId}:${id}`;
}
