import { MESSAGE_ROOM, type MemoryCodec, MemoryRecord } from '../domain/memory.ts';
import { DEAD_VALUE_TTL_MS, type EntryStore, FILL_TTL_MS, type Found, MARK_TTL_MS, type Step } from './protocol.ts';
import { RecentMisses } from './recent-misses.ts';
import { type Entry, transition } from './transition.ts';

/** Bytes an entry takes besides its message: key, record and the places in the cache's tables. */
const ENTRY_BYTES = 400;
/** Of the bound; with more than this it counts as full. */
const FULL = 15 / 16;
/** Of the bound; about a place for each memory that there is room for. */
const RECENT_MISSES = 1 / 128;

interface Kept {
  readonly entry: Entry;
  /** By performance.now(). */
  readonly endsAt: number;
  readonly bytes: number;
  /** How many came before it. */
  readonly came: number;
  /** Since it came, or the hand came by. */
  used: boolean;
}

/** Of one workspace, by their ids. */
type Entries = Map<string, Kept>;

/**
 * Entries in this process. Right only where no other process writes to the database: then it needs
 * no polls and serves even while Postgres is away. Values hold the encoded message and nothing
 * else, so that the bound in bytes is one; every hit gets a record of its own.
 *
 * By hand, for what a hit has to touch: with ten thousand memories each look at a list of the least recently used went to
 * ten places that no cache of the processor had; with the copy of the message, 4 to 6 us of a read. Here what gives way is
 * found by the second chance (Corbató, 1968): a hand goes round all entries, takes what was not used since it came or the
 * hand last came by, and nothing is moved. A full store takes from a read what is asked for twice: with a million memories
 * of which it has room for a twentieth, keeping each made a read dearer than no cache.
 */
export class LocalStore implements EntryStore {
  readonly kind = 'local';
  readonly usable = true;
  readonly maxBytes: number;
  readonly maxValueBytes: number;
  readonly #codec: MemoryCodec;
  /** Kept when they are empty: a step may be about to put something there. */
  readonly #workspaces = new Map<number, Entries>();
  readonly #recentMisses: RecentMisses;
  #hand = this.#round();
  /** Entries that ever came. */
  #came = 0;
  #size = 0;
  #bytes = 0;

  /** @param maxBytes of all values together; what was not used for long gives way */
  constructor(codec: MemoryCodec, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.maxValueBytes = maxBytes - ENTRY_BYTES - MESSAGE_ROOM;
    this.#codec = codec;
    this.#recentMisses = new RecentMisses(maxBytes * RECENT_MISSES);
  }

  /** Entries, marks and leases included. */
  get size(): number {
    return this.#size;
  }

  /** Bytes they take. */
  get bytes(): number {
    return this.#bytes;
  }

  read(workspaceId: number, ids: readonly string[]): Found[] {
    const entries = this.#workspaces.get(workspaceId);
    return ids.map((id): Found => {
      const entry = entries && this.#look(entries, id);
      if (entry === undefined) return this.#wants(id) ? undefined : 'F';
      if (entry.state !== 'V') return entry.state;
      const { epoch, record } = entry;
      return { epoch, record: this.#copy(record, record.message) };
    });
  }

  step(workspaceId: number, steps: readonly Step[]): boolean[] {
    let entries = this.#workspaces.get(workspaceId);
    if (entries === undefined) {
      entries = new Map();
      this.#workspaces.set(workspaceId, entries);
    }
    return steps.map((step) => {
      const now = this.#look(entries, step.id);
      const { taken, entry } = transition(now, step);
      if (entry !== now) {
        this.#drop(entries, step.id);
        if (entry !== undefined) this.#keep(entries, step.id, entry);
      }
      return taken;
    });
  }

  /** Whether to keep what is not there and asked for. */
  #wants(id: string): boolean {
    return this.#bytes <= this.maxBytes * FULL || this.#recentMisses.again(id);
  }

  #look(entries: Entries, id: string): Entry | undefined {
    const kept = entries.get(id);
    if (kept === undefined) return undefined;
    if (kept.endsAt !== Infinity && performance.now() >= kept.endsAt) {
      this.#drop(entries, id);
      return undefined;
    }
    kept.used = true;
    return kept.entry;
  }

  #keep(entries: Entries, id: string, entry: Entry): void {
    const kept = entry.state === 'V' ? this.#keptValue(entry.epoch, entry.record) : this.#keptStep(entry);
    if (kept.bytes > this.maxBytes) return;
    // Before it comes: nobody can have used it yet.
    while (this.#bytes + kept.bytes > this.maxBytes) this.#turn();
    entries.set(id, kept);
    this.#size += 1;
    this.#bytes += kept.bytes;
  }

  #keptValue(epoch: number, record: MemoryRecord): Kept {
    // A buffer of its own: a small one would be part of a large one, which stays as long as any part of it.
    const withRoom = Buffer.allocUnsafeSlow(MESSAGE_ROOM + record.message.byteLength);
    const message = withRoom.subarray(MESSAGE_ROOM);
    message.set(record.message);
    // For ever, or until the bytes run out: nobody but this process can make it wrong.
    const endsAt = record.deleteTime === undefined ? Infinity : performance.now() + DEAD_VALUE_TTL_MS;
    const entry: Entry = { state: 'V', epoch, record: this.#copy(record, message) };
    return { entry, endsAt, bytes: ENTRY_BYTES + withRoom.byteLength, came: this.#came++, used: false };
  }

  #keptStep(entry: Entry & { readonly state: 'P' | 'X' | 'F' }): Kept {
    const ttl = entry.state === 'F' ? FILL_TTL_MS : MARK_TTL_MS;
    return { entry, endsAt: performance.now() + ttl, bytes: ENTRY_BYTES, came: this.#came++, used: false };
  }

  #copy(record: MemoryRecord, message: Uint8Array): MemoryRecord {
    return new MemoryRecord(record, this.#codec, undefined, message, true);
  }

  #drop(entries: Entries, id: string): void {
    const kept = entries.get(id);
    if (kept === undefined) return;
    entries.delete(id);
    this.#size -= 1;
    this.#bytes -= kept.bytes;
  }

  /** Moves the hand on by one. */
  #turn(): void {
    const { done, value } = this.#hand.next();
    if (done) {
      this.#hand = this.#round();
    } else if (value.kept.used) {
      value.kept.used = false;
    } else {
      this.#drop(value.entries, value.id);
    }
  }

  /** All entries that are there when it begins: among those that just came are leases whose fills are on their way. */
  *#round(): Generator<{ entries: Entries; id: string; kept: Kept }, undefined> {
    const began = this.#came;
    for (const entries of this.#workspaces.values()) {
      for (const [id, kept] of entries) {
        if (kept.came >= began) break;
        yield { entries, id, kept };
      }
    }
  }
}
