import { LRUCache } from 'lru-cache';
import type { WorkspaceKeys } from './data-keys.ts';

/** Unwrapped data keys and opened values together. */
export const SEAL_CACHE_ENTRIES = 1024;
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * What was unwrapped and opened of late. Values are found by their ciphertext and all it is bound to,
 * never by a clear text: so what is found is what opening would give.
 */
export class SealCache {
  readonly #entries = new LRUCache<string, WorkspaceKeys | string>({
    max: SEAL_CACHE_ENTRIES,
    maxSize: MAX_BYTES,
    sizeCalculation: (value, name) => 64 + name.length + (typeof value === 'string' ? value.length * 2 : 256),
  });
  hits = 0;
  misses = 0;

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
    return this.#count(this.#entries.get(`value ${context}\0${sealed}`)) as string | undefined;
  }

  putValue(context: string, sealed: string, text: string): void {
    this.#entries.set(`value ${context}\0${sealed}`, text);
  }

  clear(): void {
    this.#entries.clear();
  }

  #count<T>(found: T | undefined): T | undefined {
    if (found === undefined) this.misses += 1;
    else this.hits += 1;
    return found;
  }
}
