import type { WrappedKey } from '../../domain/sealing/data-key-store.ts';

/**
 * Wraps data keys with key-encryption keys that the database never sees. The keyring of this server is
 * one; a key management service whose keys never leave it fits the same way.
 */
export interface KeyEncryption {
  /** Which key wraps now. */
  readonly currentKey: string;
  /** @param context what the wrapped key is bound to */
  wrap(key: Uint8Array, context: string): Promise<WrappedKey>;
  /** @throws KeyMissingError */
  unwrap(key: WrappedKey, context: string): Promise<Uint8Array>;
  /** Learns of keys that were added since. @throws KeyringError */
  reload(): Promise<void>;
  /** Makes a new key, which wraps from now on; undefined where keys are made elsewhere. */
  readonly makeKey: (() => Promise<void>) | undefined;
}

/** The key-encryption key is not there, or is not the one that wrapped. */
export class KeyMissingError extends Error {
  override readonly name = 'KeyMissingError';
  readonly kekId: string;

  constructor(kekId: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.kekId = kekId;
  }
}

/** The keyring cannot be read; the message says where it is and what is wrong, never what is in it. */
export class KeyringError extends Error {
  override readonly name = 'KeyringError';
}
