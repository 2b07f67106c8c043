import { LRUCache } from 'lru-cache';
import type { WorkspaceKeys } from './data-keys.ts';

/** Unwrapped data keys and opened values together. */
export const SEAL_CACHE_ENTRIES = 1024;
const MAX_BYTES = 8 * 1024 * 1024;

/** The end of a ciphertext, in base64, that has its tag in it. */
const TAG_CHARACTERS = 24;

const VALUE = 'value ';

interface Opened {
  readonly sealed: string;
  readonly text: string;
}

/**
 * What was unwrapped and opened of late. Values are found by all they are bound to and the tag of their
 * ciphertext, and given when the whole ciphertext is the same: so what is found is what opening would
 * give. (The whole ciphertext as a name would be hashed whole, which takes longer than to compare it.)
 */
export class SealCache {
  readonly #entries = new LRUCache<string, WorkspaceKeys | Opened>({
    max: SEAL_CACHE_ENTRIES,
    maxSize: MAX_BYTES,
    sizeCalculation: (value, name) =>
      64 + name.length + ('text' in value ? value.sealed.length + value.text.length * 2 : 256),
  });
  hits = 0;
  misses = 0;
  #era = 0;

  /** Moves on when values are forgotten: what was read before is not kept after. */
  get era(): number {
    return this.#era;
  }

  get size(): number {
    return this.#entries.size;
  }

  keys(workspaceId: number): WorkspaceKeys | undefined {
    return this.#count(this.#entries.get(`keys ${workspaceId}`)) as WorkspaceKeys | undefined;
  }

  putKeys(workspaceId: number, keys: WorkspaceKeys): void {
    this.#entries.set(`keys ${workspaceId}`, keys);
  }

  dropKeys(workspaceId: number): void {
    this.#entries.delete(`keys ${workspaceId}`);
  }

  value(context: string, sealed: string): string | undefined {
    const known = this.#entries.get(nameOf(context, sealed)) as Opened | undefined;
    return this.#count(known?.sealed === sealed ? known.text : undefined);
  }

  putValue(context: string, sealed: string, text: string): void {
    this.#entries.set(nameOf(context, sealed), { sealed, text });
  }

  clear(): void {
    this.#era += 1;
    this.#entries.clear();
  }

  clearValues(): void {
    this.#era += 1;
    for (const name of [...this.#entries.keys()]) if (name.startsWith(VALUE)) this.#entries.delete(name);
  }

  #count<T>(found: T | undefined): T | undefined {
    if (found === undefined) this.misses += 1;
    else this.hits += 1;
    return found;
  }
}

function nameOf(context: string, sealed: string): string {
  return `${VALUE}${context}\0${sealed.slice(-TAG_CHARACTERS)}`;
}
