import { LatencyHistogram } from '../../../shared/histogram.ts';
import type { DataKeyStore } from '../../domain/sealing/data-key-store.ts';
import { DataKeys } from './data-keys.ts';
import type { KeyEncryption } from './key-encryption.ts';
import { SealCache } from './seal-cache.ts';
import { ValueSealer } from './value-sealer.ts';

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
  #seal = new LatencyHistogram();
  #open = new LatencyHistogram();

  constructor(store: DataKeyStore, encryption: KeyEncryption) {
    this.store = store;
    this.encryption = encryption;
    this.keys = new DataKeys(store, encryption, this.#cache);
    this.sealer = new ValueSealer(this.keys, this.#cache, {
      seal: (us) => this.#seal.record(us),
      open: (us) => this.#open.record(us),
    });
  }

  get gauges(): SealGauges {
    return { entries: this.#cache.size, hits: this.#cache.hits, misses: this.#cache.misses };
  }

  /** How long seals and opens took since the last time it was asked. */
  drainTimes(): { seal: LatencyHistogram; open: LatencyHistogram } {
    const times = { seal: this.#seal, open: this.#open };
    this.#seal = new LatencyHistogram();
    this.#open = new LatencyHistogram();
    return times;
  }

  /** Forgets keys and opened values; the next use reads them again. */
  clear(): void {
    this.keys.clear();
  }

  /** The keyring may have changed: forgets, and reads it again. @throws KeyringError; the old keys stay */
  async reload(): Promise<void> {
    this.clear();
    await this.encryption.reload();
  }
}
