import { randomBytes } from 'node:crypto';
import type { WrappedKey } from '../../domain/sealing/data-key-store.ts';
import { KEY_BYTES, openBytes, sealBytes } from './aead.ts';
import { type KeyEncryption, KeyMissingError, KeyringError } from './key-encryption.ts';
import type { KeyringSource } from './keyring-source.ts';
import { formatKeyring, type KeyringKey, parseKeyring } from './keyring-text.ts';

const WRAPPED_VERSION = Buffer.of(1);

/** Key-encryption keys in the memory of this process: the first one wraps, all of them unwrap. */
export class Keyring implements KeyEncryption {
  readonly makeKey: (() => Promise<void>) | undefined;
  readonly #source: KeyringSource;
  #keys: readonly KeyringKey[];

  private constructor(source: KeyringSource, keys: readonly KeyringKey[]) {
    this.#source = source;
    this.#keys = keys;
    const { rewrite } = source;
    if (rewrite !== undefined) {
      this.makeKey = async () => {
        this.#keys = await rewrite((text) => formatKeyring([newKey(), ...parseKeyring(text, source.where)]));
      };
    }
  }

  /** @throws KeyringError */
  static async open(source: KeyringSource): Promise<Keyring> {
    return new Keyring(source, parseKeyring(await source.read(), source.where));
  }

  get currentKey(): string {
    return this.#current.id;
  }

  async wrap(key: Uint8Array, context: string): Promise<WrappedKey> {
    const { id, bytes } = this.#current;
    return { kekId: id, wrapped: sealBytes(bytes, WRAPPED_VERSION, key, bound(context, id)) };
  }

  async unwrap({ kekId, wrapped }: WrappedKey, context: string): Promise<Uint8Array> {
    let kek = this.#keys.find(({ id }) => id === kekId);
    if (kek === undefined) {
      // It may have been added while this process ran.
      await this.reload();
      kek = this.#keys.find(({ id }) => id === kekId);
    }
    const where = this.#source.where;
    if (kek === undefined) throw new KeyMissingError(kekId, `the keyring (${where}) has no key ${kekId}`);
    try {
      if (wrapped[0] !== WRAPPED_VERSION[0]) throw new Error('of a version this program does not know');
      const key = openBytes(kek.bytes, wrapped, WRAPPED_VERSION.length, bound(context, kekId));
      if (key.length !== KEY_BYTES) throw new Error('not of the length of a key');
      return key;
    } catch (cause) {
      const message = `the key ${kekId} of the keyring (${where}) does not unwrap what a key of that name wrapped: it is another key`;
      throw new KeyMissingError(kekId, message, cause);
    }
  }

  async reload(): Promise<void> {
    this.#keys = parseKeyring(await this.#source.read(), this.#source.where);
  }

  get #current(): KeyringKey {
    const [first] = this.#keys;
    if (first === undefined) throw new KeyringError(`the keyring (${this.#source.where}) has no key`);
    return first;
  }
}

/** A fresh key with a name of its own. */
export function newKey(): KeyringKey {
  return { id: `kek-${randomBytes(6).toString('hex')}`, bytes: randomBytes(KEY_BYTES) };
}

function bound(context: string, kekId: string): string {
  return `memoryhub data key\0${kekId}\0${context}`;
}
