import { LRUCache } from 'lru-cache';
import { accessName } from './access.ts';
import type { CallContext, Clock } from './call-context.ts';
import { ServiceError } from './errors.ts';
import type { Micros } from './memory.ts';
import type { MemoryRepository, StorageDescription, StorageInfo } from './repository.ts';

/** How old the counts of a workspace may be: they are an aggregate over all of its memories. */
const MAX_AGE_MICROS = 60_000_000;
const MAX_ENTRIES = 1000;

/** Counts per workspace and reach, each computed once for all that ask at the same time. */
export class StorageInfoCache {
  readonly #repository: MemoryRepository;
  readonly #clock: Clock;
  readonly #entries = new LRUCache<string, Promise<StorageInfo>>({ max: MAX_ENTRIES });
  #description: { readonly storage: StorageDescription; readonly at: Micros } | undefined;

  constructor(repository: MemoryRepository, clock: Clock) {
    this.#repository = repository;
    this.#clock = clock;
  }

  async get(call: CallContext): Promise<StorageInfo> {
    const name = `${call.workspaceId} ${accessName(call.access)}`;
    const shared = this.#entries.get(name);
    if (shared !== undefined) {
      const info = await shared.catch(othersEnd);
      if (info !== undefined && this.#clock.now() - info.at < MAX_AGE_MICROS) return info;
      if (this.#entries.get(name) !== shared && this.#entries.has(name)) return this.get(call);
    }
    const counting = this.#repository.storageInfo(call, call.workspaceId, call.access);
    this.#entries.set(name, counting);
    counting.catch(() => {
      if (this.#entries.peek(name) === counting) this.#entries.delete(name);
    });
    return counting;
  }

  /** The storage itself, kept as long: its version changes when its server is upgraded. */
  async describe(call: CallContext): Promise<StorageDescription> {
    const known = this.#description;
    if (known !== undefined && this.#clock.now() - known.at < MAX_AGE_MICROS) return known.storage;
    const storage = await this.#repository.describe(call);
    this.#description = { storage, at: this.#clock.now() };
    return storage;
  }

  /** Counts anew from the next question on. */
  clear(): void {
    this.#entries.clear();
  }
}

/** The one who counted went away before it was done: that is no failure of those who waited too. */
function othersEnd(error: unknown): undefined {
  if (error instanceof ServiceError && (error.reason === 'CANCELLED' || error.reason === 'DEADLINE_EXCEEDED')) return;
  throw error;
}
