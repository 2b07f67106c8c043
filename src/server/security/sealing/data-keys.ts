import { hkdfSync, randomBytes } from 'node:crypto';
import { ServiceError } from '../../domain/errors.ts';
import { type DataKeyStore, dataKeyContext, type StoredDataKey } from '../../domain/sealing/data-key-store.ts';
import { KEY_BYTES } from './aead.ts';
import { type KeyEncryption, KeyMissingError, KeyringError } from './key-encryption.ts';
import type { SealCache } from './seal-cache.ts';

/** The unwrapped keys of a workspace. */
export interface WorkspaceKeys {
  readonly byGeneration: ReadonlyMap<number, Uint8Array>;
  /** That which seals. */
  readonly newest: number;
  /** Derived from the oldest, so that it stays the same; for digests. */
  readonly digestKey: Uint8Array;
}

/** The data keys of workspaces, made when first needed and unwrapped once. */
export class DataKeys {
  readonly #store: DataKeyStore;
  readonly #encryption: KeyEncryption;
  readonly #cache: SealCache;
  readonly #loading = new Map<number, Promise<WorkspaceKeys>>();
  /** Grows with every clear: what was loaded before it is not kept. */
  #era = 0;

  constructor(store: DataKeyStore, encryption: KeyEncryption, cache: SealCache) {
    this.#store = store;
    this.#encryption = encryption;
    this.#cache = cache;
  }

  /** @throws ServiceError SEALING_KEY_MISSING, or of the store */
  of(workspaceId: number): WorkspaceKeys | Promise<WorkspaceKeys> {
    return this.#cache.keys(workspaceId) ?? this.#shared(workspaceId);
  }

  /** As `of`, with keys that another process made since. */
  fresh(workspaceId: number): Promise<WorkspaceKeys> {
    this.#cache.dropKeys(workspaceId);
    return this.#shared(workspaceId);
  }

  clear(): void {
    this.#era += 1;
    this.#loading.clear();
    this.#cache.clear();
  }

  #shared(workspaceId: number): Promise<WorkspaceKeys> {
    const loading = this.#loading.get(workspaceId) ?? this.#load(workspaceId, this.#era);
    this.#loading.set(workspaceId, loading);
    return loading;
  }

  async #load(workspaceId: number, era: number): Promise<WorkspaceKeys> {
    try {
      let stored = await this.#store.keysOf(workspaceId);
      if (stored.length === 0) {
        await this.#make({ workspaceId, generation: 1 });
        stored = await this.#store.keysOf(workspaceId);
      }
      const keys = await this.#unwrapAll(stored);
      if (era === this.#era) this.#cache.putKeys(workspaceId, keys);
      return keys;
    } catch (error) {
      throw toSealingError(error);
    } finally {
      if (era === this.#era) this.#loading.delete(workspaceId);
    }
  }

  /** Makes the next key of a workspace, unless another process does. */
  async makeNext(workspaceId: number): Promise<void> {
    const stored = await this.#store.keysOf(workspaceId);
    await this.#make({ workspaceId, generation: (stored.at(-1)?.generation ?? 0) + 1 });
  }

  async #make(place: Pick<StoredDataKey, 'workspaceId' | 'generation'>): Promise<void> {
    const wrapped = await this.#encryption.wrap(randomBytes(KEY_BYTES), dataKeyContext(place));
    await this.#store.add({ ...place, ...wrapped });
  }

  async #unwrapAll(stored: readonly StoredDataKey[]): Promise<WorkspaceKeys> {
    const byGeneration = new Map<number, Uint8Array>();
    for (const key of stored) {
      byGeneration.set(key.generation, await this.#encryption.unwrap(key, dataKeyContext(key)));
    }
    const [oldest] = byGeneration.values();
    if (oldest === undefined) throw new Error('a data key that was just made is not there');
    const digestKey = Buffer.from(hkdfSync('sha256', oldest, '', 'memoryhub request digest', KEY_BYTES));
    return { byGeneration, newest: Math.max(...byGeneration.keys()), digestKey };
  }
}

/** What a caller is told when the keyring fails: which key it lacks, and not where it is kept. */
export function toSealingError(error: unknown): unknown {
  if (error instanceof KeyMissingError) {
    const message = `the server's keyring lacks the key ${error.kekId}, with which the secrets of this workspace are sealed: an operator must give every server the same keyring`;
    return new ServiceError('SEALING_KEY_MISSING', message, { metadata: { key_id: error.kekId }, cause: error });
  }
  if (error instanceof KeyringError) {
    return new ServiceError('SEALING_KEY_MISSING', "the server's keyring cannot be read: an operator must look at it", {
      cause: error,
    });
  }
  return error;
}
