import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;

/**
 * AES-256-GCM with a random nonce: nonce (12 bytes), ciphertext, tag (16). One key is good for 2^32
 * messages by NIST SP 800-38D.
 *
 * @param prefix bytes that stand before the nonce, as they are; they should be part of `context`
 * @param context what it is bound to; needed again to open it
 */
export function sealBytes(key: Uint8Array, prefix: Uint8Array, plain: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context));
  const first = cipher.update(plain);
  const last = cipher.final();
  return Buffer.concat([prefix, nonce, first, last, cipher.getAuthTag()]);
}

/**
 * @param offset where the nonce begins
 * @throws Error: damaged, of another key, or of another context
 */
export function openBytes(key: Uint8Array, sealed: Uint8Array, offset: number, context: string): Buffer {
  if (sealed.length < offset + NONCE_BYTES + TAG_BYTES) throw new Error('too short to have been sealed');
  const nonce = sealed.subarray(offset, offset + NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const first = decipher.update(sealed.subarray(offset + NONCE_BYTES, -TAG_BYTES));
  return Buffer.concat([first, decipher.final()]);
}
