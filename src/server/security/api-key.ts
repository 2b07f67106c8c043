import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A credential just made. Its secret is shown once and kept nowhere. */
export interface NewApiKey {
  readonly id: string;
  readonly secretHash: Buffer;
  /** "mh_ID_SECRET", for its owner. */
  readonly credential: string;
}

/** Crockford's base 32 in lower case: no i, l, o, u, which are misread. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const ID_LENGTH = 16;
const SECRET_BYTES = 32;

/** The secret is base 64 for URLs, which may have "_" in it: the id's length is what tells them apart. */
const CREDENTIAL = /^mh_([0-9a-hjkmnp-tv-z]{16})_([A-Za-z0-9_-]{43})$/;

/**
 * Makes a key: 80 random bits of id, 256 random bits of secret.
 *
 * @param id of the key, when it has one and needs only a new secret
 */
export function generateApiKey(id = newKeyId()): NewApiKey {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { id, secretHash: hashSecret(secret), credential: `mh_${id}_${secret}` };
}

function newKeyId(): string {
  // 256 is a multiple of 32, so that every letter is as likely.
  return Array.from(randomBytes(ID_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

/** Takes a credential apart; undefined when it is none. */
export function parseApiKey(credential: string): { readonly id: string; readonly secret: string } | undefined {
  const match = CREDENTIAL.exec(credential);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { id: match[1], secret: match[2] };
}

/** SHA-256: a secret of 256 random bits cannot be guessed, so a slow hash would add nothing. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** Whether the secret is the one of this hash, in a time that does not depend on how much of it fits. */
export function secretMatches(secretHash: Uint8Array, secret: string): boolean {
  const presented = hashSecret(secret);
  return presented.byteLength === secretHash.byteLength && timingSafeEqual(presented, secretHash);
}
