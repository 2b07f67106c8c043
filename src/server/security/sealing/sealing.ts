import type { DataKeyStore } from '../../domain/sealing/data-key-store.ts';
import { DataKeys } from './data-keys.ts';
import type { KeyEncryption } from './key-encryption.ts';
import { SealCache } from './seal-cache.ts';
import { type SealTimes, ValueSealer } from './value-sealer.ts';

/** What the statistics tell of sealing, since the start. */
export interface SealGauges {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
}

/** Everything of one process that seals: keys, cache, and what was counted. */
export class Sealing {
  readonly sealer: ValueSealer;
  readonly keys: DataKeys;
  readonly encryption: KeyEncryption;
  readonly store: DataKeyStore;
  readonly #cache = new SealCache();

  constructor(store: DataKeyStore, encryption: KeyEncryption, times: SealTimes) {
    this.store = store;
    this.encryption = encryption;
    this.keys = new DataKeys(store, encryption, this.#cache);
    this.sealer = new ValueSealer(this.keys, this.#cache, times);
  }

  get gauges(): SealGauges {
    return { entries: this.#cache.size, hits: this.#cache.hits, misses: this.#cache.misses };
  }

  /** Forgets keys and opened values; the next use reads them again. */
  clear(): void {
    this.keys.clear();
  }

  /** Forgets opened values: what they were read from may be gone. */
  forgetValues(): void {
    this.#cache.clearValues();
  }

  /** The keyring may have changed: forgets, and reads it again. @throws KeyringError; the old keys stay */
  async reload(): Promise<void> {
    this.clear();
    await this.encryption.reload();
  }
}
