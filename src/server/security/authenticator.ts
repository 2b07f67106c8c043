import { LRUCache } from 'lru-cache';
import type { ErrorReason } from '../../shared/error-reasons.ts';
import type { AdminRepository, ApiKey, Generations } from '../domain/admin-repository.ts';
import type { Clock } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import type { Micros } from '../domain/memory.ts';
import { CredentialRefusal, type Principal } from '../domain/principal.ts';
import { parseApiKey, secretMatches } from './api-key.ts';
import type { TokenIdentity, TokenVerifier } from './token-verifier.ts';

export interface AuthenticatorOptions {
  /** The longest a verified key is believed while the database cannot be asked, in milliseconds. */
  readonly ttlMs?: number;
  /** Keys remembered, known ones and unknown ones each. */
  readonly maxKeys?: number;
  /** How long it is believed that a key does not exist, in milliseconds. */
  readonly unknownTtlMs?: number;
  /** How long a look at the database is good for, in milliseconds; below the promised 5 s. */
  readonly freshMs?: number;
  /** How long a known key waits for a database that does not answer, in milliseconds. */
  readonly lookupTimeoutMs?: number;
  /** performance.now(), for tests. */
  readonly now?: () => number;
  /** By which keys expire: the database's. */
  readonly clock?: Clock;
  /** The second way in: tokens of an issuer. */
  readonly tokens?: Pick<TokenVerifier, 'verify' | 'clear'> | undefined;
  /** Told of keys that were used, at most once a poll for each header. */
  readonly used?: (keyId: string) => void;
}

/** Headers remembered between two polls. */
const VERIFIED_MAX = 1_000;

/**
 * A secret that does not fit a known key may be the one it got since: then the key is read again, unless it
 * was read this short a time ago, in milliseconds. So guessing costs at most 200 point reads a second.
 */
const REREAD_AFTER_MS = 5;

const BEARER = /^Bearer +(\S+)$/i;

/** A token has no secret that is compared. */
const NO_HASH = new Uint8Array();

/** What is remembered of a key: the hash, never the secret. */
interface KnownKey {
  readonly secretHash: Uint8Array;
  readonly principal: Principal;
  readonly revoked: boolean;
  /** performance.now() from which on it is good for nothing, as far as was known when it was asked for. */
  readonly endsAt: number;
  /** The secret before the last rotation. */
  readonly previous: KnownKey | undefined;
  /** When the database was asked; not when it answered. */
  readonly askedAt: number;
  readonly generation: number;
}

/**
 * Tells who calls, from "authorization: Bearer mh_ID_SECRET", or a token in the place of the key.
 *
 * The cache is keyed by the key's id and holds the hash of its secret, which is compared in constant
 * time. So a wrong secret for a known id costs no entry, and seldom a query (REREAD_AFTER_MS). Headers
 * that were verified are remembered as they came until the next poll, a quarter of a second: hashing for
 * every call took 6 % of a cached read, and longer than that no secret is kept in memory.
 *
 * Revocation is effective everywhere within 5 s by one rule: a key is believed only while a look at
 * the database not older than `freshMs` stands behind it. That look is the poll all processes make
 * anyway (generationsPolled): revoking bumps the generation `authentication`, and a poll that shows
 * the generation under which the key was read proves that nothing was revoked since. When polls stop
 * coming, keys are read again one by one; when the database is away, known keys are believed until
 * `ttlMs` or their own end, so that the cache goes on serving. Away means that it answers polls no more: while it does,
 * a key that may have been revoked since is not believed because it could not be read again.
 */
export class Authenticator {
  readonly #repository: Pick<AdminRepository, 'findApiKey'>;
  readonly #ttlMs: number;
  readonly #freshMs: number;
  readonly #lookupTimeoutMs: number;
  readonly #now: () => number;
  readonly #clock: Clock;
  readonly #used: (keyId: string) => void;
  readonly #tokens: AuthenticatorOptions['tokens'];
  readonly #known: LRUCache<string, KnownKey>;
  readonly #unknown: LRUCache<string, true>;
  readonly #lookups = new Map<string, Promise<KnownKey | undefined>>();
  /** By the whole header. What it leads to is believed no longer than any known key. */
  readonly #verified = new Map<string, KnownKey>();
  #generation = 0;
  #polledAt = Number.NEGATIVE_INFINITY;
  /** Until then the database is not asked about keys that are known. */
  #restUntil = Number.NEGATIVE_INFINITY;

  constructor(repository: Pick<AdminRepository, 'findApiKey'>, options: AuthenticatorOptions = {}) {
    this.#repository = repository;
    this.#ttlMs = options.ttlMs ?? 3_600_000;
    this.#freshMs = options.freshMs ?? 2_000;
    this.#lookupTimeoutMs = options.lookupTimeoutMs ?? 500;
    this.#now = options.now ?? (() => performance.now());
    this.#clock = options.clock ?? { now: () => Date.now() * 1000 };
    this.#used = options.used ?? (() => {});
    this.#tokens = options.tokens;
    const max = options.maxKeys ?? 10_000;
    this.#known = new LRUCache({ max });
    this.#unknown = new LRUCache({
      max,
      ttl: options.unknownTtlMs ?? 5_000,
      ttlResolution: 0,
      perf: { now: this.#now },
    });
  }

  /**
   * Takes note of a poll.
   *
   * @param polledAt performance.now() when it was sent
   */
  generationsPolled(generations: Pick<Generations, 'authentication'>, polledAt: number): void {
    if (generations.authentication !== this.#generation) {
      this.#unknown.clear();
      this.#tokens?.clear();
    }
    this.#verified.clear();
    this.#generation = generations.authentication;
    this.#polledAt = polledAt;
    // A database that answers polls can be asked.
    this.#restUntil = Number.NEGATIVE_INFINITY;
  }

  /**
   * Who this credential is. Returns at once when the key is known and believed.
   *
   * @throws ServiceError CREDENTIAL_MISSING, CREDENTIAL_INVALID or CREDENTIAL_EXPIRED, or rejects with the
   *   last two, DATABASE_UNAVAILABLE or what else the repository fails with
   */
  verify(authorization: string | undefined): Principal | Promise<Principal> {
    if (authorization === undefined || authorization === '') throw missing();
    const verified = this.#verified.get(authorization);
    if (verified !== undefined) {
      const now = this.#now();
      if (now < verified.endsAt && this.#believed(verified, now)) return verified.principal;
    }
    const credential = BEARER.exec(authorization)?.[1] ?? '';
    const key = parseApiKey(credential);
    if (key === undefined) return this.#verifyToken(authorization, credential);
    if (this.#unknown.has(key.id)) throw invalid('unknown');
    const known = this.#known.get(key.id);
    if (known !== undefined && this.#believed(known, this.#now()) && !this.#mayBeRotated(known, key.secret)) {
      const admitted = this.#admit(known, key.secret);
      if (this.#verified.size < VERIFIED_MAX) this.#verified.set(authorization, admitted);
      return admitted.principal;
    }
    return this.#refresh(key.id, known).then((entry) => this.#admit(entry, key.secret).principal);
  }

  #verifyToken(authorization: string, token: string): Principal | Promise<Principal> {
    // A JSON Web Token has three parts.
    if (this.#tokens === undefined || token.split('.', 4).length !== 3) throw invalid('malformed');
    const identity = this.#tokens.verify(token);
    if (identity instanceof Promise) return identity.then((verified) => this.#believe(authorization, verified));
    return this.#believe(authorization, identity);
  }

  /** Until the next poll, as a key that was verified. */
  #believe(authorization: string, { principal, expireTime }: TokenIdentity): Principal {
    if (this.#verified.size < VERIFIED_MAX) {
      const askedAt = this.#now();
      const endsAt = askedAt + (expireTime - this.#clock.now()) / 1000;
      const known = { secretHash: NO_HASH, principal, revoked: false, previous: undefined, endsAt, askedAt };
      this.#verified.set(authorization, { ...known, generation: this.#generation });
    }
    return principal;
  }

  #mayBeRotated(known: KnownKey, secret: string): boolean {
    const now = this.#now();
    if (now < this.#restUntil || now - known.askedAt < REREAD_AFTER_MS) return false;
    return opened(known, secret) === undefined;
  }

  /** @throws ServiceError CREDENTIAL_INVALID or CREDENTIAL_EXPIRED */
  #admit(entry: KnownKey | undefined, secret: string): KnownKey {
    if (entry === undefined) throw invalid('unknown');
    const match = opened(entry, secret);
    if (match === undefined) throw invalid('secret');
    if (match.revoked) throw invalid('revoked', match.principal);
    if (this.#now() >= match.endsAt) throw expired(match === entry ? 'expired' : 'rotated', match.principal);
    this.#used(match.principal.keyId);
    return match;
  }

  #believed(entry: KnownKey, now: number): boolean {
    if (now - entry.askedAt >= this.#ttlMs) return false;
    if (now < this.#restUntil) return true;
    return entry.generation === this.#generation && now - Math.max(entry.askedAt, this.#polledAt) < this.#freshMs;
  }

  async #refresh(id: string, known: KnownKey | undefined): Promise<KnownKey | undefined> {
    try {
      return await (known === undefined ? this.#lookup(id) : this.#withinTimeout(this.#lookup(id)));
    } catch (error) {
      const now = this.#now();
      if (known === undefined || now - known.askedAt >= this.#ttlMs || !isDatabaseTrouble(error)) throw error;
      if (now - this.#polledAt < this.#freshMs) {
        if (known.generation !== this.#generation) throw error;
      } else {
        this.#restUntil = now + 1_000;
      }
      return known;
    }
  }

  /** One query for all calls that wait for the same key. */
  #lookup(id: string): Promise<KnownKey | undefined> {
    let lookup = this.#lookups.get(id);
    if (lookup === undefined) {
      lookup = this.#ask(id).finally(() => this.#lookups.delete(id));
      this.#lookups.set(id, lookup);
    }
    return lookup;
  }

  async #ask(id: string): Promise<KnownKey | undefined> {
    const askedAt = this.#now();
    const generation = this.#generation;
    const key = await this.#repository.findApiKey(id);
    if (key === undefined || key.revokeTime !== undefined) this.#verified.clear();
    if (key === undefined) {
      this.#known.delete(id);
      this.#unknown.set(id, true);
      return undefined;
    }
    const entry = this.#knownKey(key, { askedAt, generation });
    this.#known.set(id, entry);
    return entry;
  }

  #knownKey(key: ApiKey, asked: Pick<KnownKey, 'askedAt' | 'generation'>): KnownKey {
    const endsAt = (time: Micros | undefined) =>
      time === undefined ? Number.POSITIVE_INFINITY : this.#now() + (time - this.#clock.now()) / 1000;
    const { secretHash, previous, revokeTime, expireTime } = key;
    const known = { ...asked, principal: principalOf(key), revoked: revokeTime !== undefined, previous: undefined };
    const current = { ...known, secretHash, endsAt: endsAt(expireTime) };
    if (previous === undefined) return current;
    const ends = Math.min(current.endsAt, endsAt(previous.expireTime));
    return { ...current, previous: { ...known, secretHash: previous.secretHash, endsAt: ends } };
  }

  #withinTimeout<Value>(work: Promise<Value>): Promise<Value> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(tooSlow()), this.#lookupTimeoutMs);
    return Promise.race([work, promise]).finally(() => clearTimeout(timer));
  }
}

/** The key, or the key as it was before its rotation; undefined: the secret fits neither. */
function opened(entry: KnownKey, secret: string): KnownKey | undefined {
  return [entry, entry.previous].find((each) => each && secretMatches(each.secretHash, secret));
}

/** Whether a look at the database failed for its sake: anything else is a bug, and is not passed over. */
function isDatabaseTrouble(error: unknown): boolean {
  return error instanceof ServiceError && DATABASE_TROUBLE.has(error.reason);
}

const DATABASE_TROUBLE: ReadonlySet<string> = new Set<ErrorReason>([
  'DATABASE_UNAVAILABLE',
  'OVERLOADED',
  'DEADLINE_EXCEEDED',
]);

function tooSlow(): ServiceError {
  return new ServiceError('DATABASE_UNAVAILABLE', 'the database did not answer in time', { retryAfterMs: 1_000 });
}

function principalOf(key: ApiKey): Principal {
  return {
    keyId: key.id,
    name: key.name,
    role: key.role,
    workspaceId: key.workspaceId,
    workspace: key.workspace,
    access: key.access,
  };
}

function missing(): ServiceError {
  return new ServiceError('CREDENTIAL_MISSING', 'the call has no key: send "authorization: Bearer mh_...", or a token');
}

/** The same for malformed, unknown, wrong and revoked: a caller learns nothing about which keys there are. */
function invalid(why: string, principal?: Principal): ServiceError {
  const cause = new CredentialRefusal(why, principal);
  return new ServiceError('CREDENTIAL_INVALID', 'the key is malformed, unknown or revoked', { cause });
}

/** Told only to whoever has the secret. */
function expired(why: string, principal: Principal): ServiceError {
  const cause = new CredentialRefusal(why, principal);
  return new ServiceError('CREDENTIAL_EXPIRED', 'the key, or the secret it had before, has expired', { cause });
}
