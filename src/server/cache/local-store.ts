import { MESSAGE_ROOM, type MemoryCodec, MemoryRecord } from '../domain/memory.ts';
import { DEAD_VALUE_TTL_MS, type EntryStore, FILL_TTL_MS, type Found, MARK_TTL_MS, type Step } from './protocol.ts';
import { type Entry, transition } from './transition.ts';

/** Bytes an entry takes besides its message: key, record and the places in the cache's tables. */
const ENTRY_BYTES = 400;

interface Kept {
  readonly workspaceId: number;
  readonly entry: Entry;
  /** By performance.now(). */
  readonly endsAt: number;
  readonly bytes: number;
}

/**
 * Entries in this process. Right only where no other process writes to the database: then it needs
 * no polls and serves even while Postgres is away. Values hold the encoded message and nothing
 * else, so that the bound in bytes is one; every hit gets a record of its own.
 *
 * By hand, for what a hit has to touch: of ten thousand memories each look went to ten places of the library's arrays
 * that no cache of the processor had, 4 to 6 us of a read. In the Map the entry that was set longest ago is the first.
 * Where two workspaces have the same id, as after an import, one has an entry at a time: entries may always be lost.
 */
export class LocalStore implements EntryStore {
  readonly kind = 'local';
  readonly usable = true;
  readonly maxBytes: number;
  readonly maxValueBytes: number;
  readonly #codec: MemoryCodec;
  readonly #entries = new Map<string, Kept>();
  #bytes = 0;

  /** @param maxBytes of all values together; the least recently used give way */
  constructor(codec: MemoryCodec, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.maxValueBytes = maxBytes - ENTRY_BYTES - MESSAGE_ROOM;
    this.#codec = codec;
  }

  /** Entries, marks and leases included. */
  get size(): number {
    return this.#entries.size;
  }

  /** Bytes they take. */
  get bytes(): number {
    return this.#bytes;
  }

  read(workspaceId: number, ids: readonly string[]): Found[] {
    return ids.map((id): Found => {
      const entry = this.#look(workspaceId, id)?.entry;
      if (entry === undefined) return undefined;
      if (entry.state !== 'V') return entry.state;
      const { epoch, record } = entry;
      return { epoch, record: this.#copy(record, record.message) };
    });
  }

  step(workspaceId: number, steps: readonly Step[]): boolean[] {
    return steps.map((step) => {
      const now = this.#look(workspaceId, step.id)?.entry;
      const { taken, entry } = transition(now, step);
      if (entry === undefined && now !== undefined) this.#drop(step.id);
      else if (entry !== undefined && entry !== now) this.#keep(workspaceId, step.id, entry);
      return taken;
    });
  }

  #look(workspaceId: number, id: string): Kept | undefined {
    const kept = this.#entries.get(id);
    if (kept === undefined || kept.workspaceId !== workspaceId) return undefined;
    if (kept.endsAt !== Infinity && performance.now() >= kept.endsAt) {
      this.#drop(id);
      return undefined;
    }
    // While as much again would fit, nobody needs to know what was used last.
    if (this.#bytes > this.maxBytes / 2) {
      this.#entries.delete(id);
      this.#entries.set(id, kept);
    }
    return kept;
  }

  #keep(workspaceId: number, id: string, entry: Entry): void {
    const kept = entry.state === 'V' ? this.#keptValue(workspaceId, entry) : keptStep(workspaceId, entry);
    this.#drop(id);
    this.#entries.set(id, kept);
    this.#bytes += kept.bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.maxBytes) break;
      this.#drop(oldest);
    }
  }

  #keptValue(workspaceId: number, { epoch, record }: Entry & { readonly state: 'V' }): Kept {
    const withRoom = Buffer.allocUnsafe(MESSAGE_ROOM + record.message.byteLength);
    const message = withRoom.subarray(MESSAGE_ROOM);
    message.set(record.message);
    // For ever, or until the bytes run out: nobody but this process can make it wrong.
    const endsAt = record.deleteTime === undefined ? Infinity : performance.now() + DEAD_VALUE_TTL_MS;
    const entry: Entry = { state: 'V', epoch, record: this.#copy(record, message) };
    return { workspaceId, entry, endsAt, bytes: ENTRY_BYTES + withRoom.byteLength };
  }

  #copy(record: MemoryRecord, message: Uint8Array): MemoryRecord {
    return new MemoryRecord(record, this.#codec, undefined, message, true);
  }

  #drop(id: string): void {
    const kept = this.#entries.get(id);
    if (kept === undefined) return;
    this.#entries.delete(id);
    this.#bytes -= kept.bytes;
  }
}

function keptStep(workspaceId: number, entry: Entry & { readonly state: 'P' | 'X' | 'F' }): Kept {
  const ttl = entry.state === 'F' ? FILL_TTL_MS : MARK_TTL_MS;
  return { workspaceId, entry, endsAt: performance.now() + ttl, bytes: ENTRY_BYTES };
}
