import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { LIMITS } from '../../shared/limits.ts';
import { ServiceError } from '../domain/errors.ts';

const ALGORITHM = 'aes-256-gcm';
const VERSION = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OVERHEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/**
 * Seals page and resume tokens, so that a caller can neither read nor make nor change one, nor use
 * it in another context (another workspace, filter, order or RPC). Every server with the same key
 * opens them. AES-256-GCM with a random nonce: one key is good for 2^32 tokens by NIST SP 800-38D.
 *
 * A token is base64url of: version (1 byte), nonce (12), ciphertext, tag (16).
 */
export class TokenSealer {
  /** Made into an object once: of bytes Node.js makes one for each token, which takes longer than all else. */
  readonly #key: KeyObject;

  /** @param key 32 bytes, the same on all servers */
  constructor(key: Uint8Array) {
    if (key.byteLength !== KEY_BYTES)
      throw new RangeError(`a sealing key has ${KEY_BYTES} bytes, not ${key.byteLength}`);
    this.#key = createSecretKey(key);
  }

  /** @param context what the token is bound to; needed again to open it, and not in the token */
  seal(payload: Uint8Array, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associatedData(context));
    const ciphertext = Buffer.concat([cipher.update(payload), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), nonce, ciphertext, cipher.getAuthTag()]).toString('base64url');
  }

  /**
   * @param field of the request it came in, for the refusal
   * @throws ServiceError INVALID_TOKEN: damaged, made by nobody here, or of another context
   */
  open(token: string, context: string, field: string): Uint8Array {
    const length = Buffer.byteLength(token);
    if (length > LIMITS.tokenBytes.max) {
      throw refused(field, `is ${length} bytes; at most ${LIMITS.tokenBytes.max} are allowed`);
    }
    const bytes = BASE64URL.test(token) ? Buffer.from(token, 'base64url') : Buffer.alloc(0);
    // The same bytes can be written in several ways; only the way we write them is taken.
    if (bytes.byteLength < OVERHEAD_BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== token) {
      throw refused(field, 'is damaged');
    }
    const decipher = createDecipheriv(ALGORITHM, this.#key, bytes.subarray(1, 1 + NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(associatedData(context));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw refused(field, 'is damaged, or belongs to another request or key', cause);
    }
  }
}

function associatedData(context: string): Buffer {
  return Buffer.from(`memoryhub token ${VERSION}\0${context}`);
}

function refused(field: string, description: string, cause?: unknown): ServiceError {
  const violations = [{ field, description }];
  return new ServiceError('INVALID_TOKEN', `${field}: ${description}`, { violations, cause });
}
