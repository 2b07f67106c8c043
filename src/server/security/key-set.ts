import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { KeySetUnavailable } from './key-set-unavailable.ts';

/** How often the key set is read, and how long between two tries while there is none. */
const FRESH_MS = 300_000;
const RETRY_MS = 10_000;
/** A file is cheap to read. */
const FILE_FRESH_MS = 10_000;
/** A key that is not in the set may be newer than it; whoever makes keys up asks the issuer this seldom. */
const UNKNOWN_KEY_MS = 10_000;
/** Keys of an issuer that does not answer are believed for so long, and no longer: one may be revoked. */
const STALE_MS = 24 * 3_600_000;
const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 1024 * 1024;

export interface KeySetOptions {
  readonly issuer: string;
  /** https:// (http:// on this very host), or the path of a file; undefined: where the issuer says. */
  readonly source: string | undefined;
  /** Told when the set cannot be read, and when keys have changed: what was verified may not be good any more. */
  readonly failed: (error: unknown) => void;
  readonly changed: () => void;
  /** performance.now(), for tests. */
  readonly now?: () => number;
}

/**
 * The public keys of an issuer, kept and refreshed in the background: a call waits for them only when
 * there are none yet, or when its token names a key that is not known; then at most every ten seconds. An issuer that does not answer
 * costs nothing while the keys it had are younger than a day.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  readonly #now: () => number;
  #resolve: JWTVerifyGetKey | undefined;
  #text: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #source: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Reads the set, now. @throws Error with what is wrong with it */
  load(): Promise<void> {
    return this.#read();
  }

  /** From now on looks for changed keys by itself: tokens that were verified ask for no key any more. */
  start(): void {
    const freshMs = /^https?:/.test(this.#options.source ?? 'https:') ? FRESH_MS : FILE_FRESH_MS;
    this.#timer ??= setInterval(() => void this.#refresh(0), freshMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Finds the key of a token. @throws KeySetUnavailable, or as jose does when the issuer has no such key */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const age = this.#now() - this.#readAt;
    if (this.#resolve === undefined || age >= STALE_MS) await this.#refresh(RETRY_MS);
    if (this.#resolve === undefined || this.#now() - this.#readAt >= STALE_MS)
      throw new KeySetUnavailable('no key set');
    try {
      return await this.#resolve(header, token);
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
      await this.#refresh(UNKNOWN_KEY_MS);
      return await this.#resolve(header, token);
    }
  };

  /** One reading at a time, and none sooner than `pauseMs` after the last. Never rejects. */
  async #refresh(pauseMs: number): Promise<void> {
    if (this.#reading === undefined) {
      if (this.#now() - this.#triedAt < pauseMs) return;
      this.#reading = this.#read()
        .catch((error: unknown) => this.#options.failed(error))
        .finally(() => {
          this.#reading = undefined;
        });
    }
    await this.#reading;
  }

  async #read(): Promise<void> {
    this.#triedAt = this.#now();
    this.#source ??= await discoverKeySet(this.#options.issuer);
    const source = this.#source;
    const text = /^https?:/.test(source) ? await fetchText(source) : await readFile(source, 'utf8');
    const readAt = this.#triedAt;
    if (text !== this.#text) {
      const had = this.#resolve !== undefined;
      this.#resolve = createLocalJWKSet(publicKeysOf(JSON.parse(text)));
      this.#text = text;
      if (had) this.#options.changed();
    }
    this.#readAt = readAt;
  }
}

/** Symmetric keys have no place in a set that is published: with one, whoever reads it could sign. */
function publicKeysOf(set: unknown): JSONWebKeySet {
  const keys = (set as Partial<JSONWebKeySet> | null)?.keys;
  if (!Array.isArray(keys)) throw new Error('it is no JSON Web Key Set: it has no "keys"');
  return { keys: keys.filter((key) => key?.kty === 'RSA' || key?.kty === 'EC' || key?.kty === 'OKP') };
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  let size = 0;
  const parts: Uint8Array[] = [];
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    if (size > MAX_BYTES) throw new Error(`${url} is longer than ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Where an issuer publishes its keys (OpenID Connect Discovery 1.0, 4). @throws Error with what is wrong */
async function discoverKeySet(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: keys } = JSON.parse(await fetchText(url)) as Record<string, unknown>;
  if (named !== issuer) throw new Error(`${url} is of another issuer`);
  if (typeof keys !== 'string' || !isSafe(keys)) throw new Error(`${url} names no key set that can be trusted`);
  return keys;
}

/** Whether what comes from there cannot be changed on its way: over TLS, or from this very host. */
function isSafe(text: string): boolean {
  const url = URL.parse(text);
  const isLocal = /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(url?.hostname ?? '');
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
}
