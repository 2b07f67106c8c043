import { LRUCache } from 'lru-cache';
import type { AdminRepository, Generations } from '../domain/admin-repository.ts';
import type { Clock } from '../domain/call-context.ts';
import type { Micros } from '../domain/memory.ts';
import type { Principal } from '../domain/principal.ts';
import { hashSecret, parseApiKey } from './api-key.ts';
import { expired, invalid, isDatabaseTrouble, isInvalid, missing, tooSlow } from './credential-refusals.ts';
import { type KnownKey, knownKey, opened } from './known-key.ts';
import type { StrangerLimits } from './stranger-limits.ts';
import type { TokenIdentity, TokenVerifier } from './token-verifier.ts';

export interface AuthenticatorOptions {
  /** The longest a verified key is believed while the database cannot be asked, in milliseconds. */
  readonly ttlMs?: number;
  /** Keys remembered, known ones and unknown ones each. */
  readonly maxKeys?: number;
  /** How long it is believed that nobody has a credential, in milliseconds. */
  readonly wrongTtlMs?: number;
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
  /** How many credentials that are not good an address may show; undefined: any number. */
  readonly strangers?: Pick<StrangerLimits, 'take' | 'giveBack'> | undefined;
  /** Told of keys that were used, at most once a poll for each header. */
  readonly used?: (keyId: string) => void;
}

/** Headers remembered between two polls. */
const VERIFIED_MAX = 1_000;

/**
 * A secret that does not fit a key may be the one it got since, and a key nobody knew may have been made
 * since: then it is read again, unless it was read this short a time ago, in milliseconds. So guessing at
 * one key costs at most 200 point reads a second, from however many addresses.
 */
const REREAD_AFTER_MS = 5;

const NOTHING_TAKEN = () => {};

const BEARER = /^Bearer +(\S+)$/i;

/** A token has no secret that is compared. */
const NO_HASH = new Uint8Array();

/**
 * Tells who calls, from "authorization: Bearer mh_ID_SECRET", or a token in the place of the key.
 *
 * The cache is keyed by the key's id and holds the hash of its secret, which is compared in constant
 * time. Headers that were verified are remembered as they came until the next poll, a quarter of a
 * second: hashing for every call took 6 % of a cached read, and longer than that no secret is kept in
 * memory.
 *
 * A credential that does not fit costs the same whether there is a key of its id or not: a hash and two
 * comparisons, and a query unless this very one was refused of late (by its hash), or its id was just
 * read, or its address has shown too many (StrangerLimits). What fits is never held up by strangers.
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
  /** "ID HASH" of credentials that nobody has. */
  readonly #wrong: LRUCache<string, true>;
  /** When ids were asked for that no key has. */
  readonly #absent: LRUCache<string, number>;
  readonly #strangers: AuthenticatorOptions['strangers'];
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
    this.#strangers = options.strangers;
    this.#absent = new LRUCache({ max });
    this.#wrong = new LRUCache({ max, ttl: options.wrongTtlMs ?? 5_000, ttlResolution: 0, perf: { now: this.#now } });
  }

  /**
   * Takes note of a poll.
   *
   * @param polledAt performance.now() when it was sent
   */
  generationsPolled(generations: Pick<Generations, 'authentication'>, polledAt: number): void {
    if (generations.authentication !== this.#generation) {
      this.#wrong.clear();
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
   * @param peer the caller's address; undefined: it was let in before
   * @throws ServiceError CREDENTIAL_MISSING, CREDENTIAL_INVALID, CREDENTIAL_EXPIRED or RATE_LIMITED, or rejects
   *   with the last three, DATABASE_UNAVAILABLE or what else the repository fails with
   */
  verify(authorization: string | undefined, peer?: string): Principal | Promise<Principal> {
    if (authorization === undefined || authorization === '') throw missing();
    const verified = this.#verified.get(authorization);
    if (verified !== undefined) {
      const now = this.#now();
      if (now < verified.endsAt && this.#believed(verified, now)) return verified.principal;
    }
    const credential = BEARER.exec(authorization)?.[1] ?? '';
    const key = parseApiKey(credential);
    if (key === undefined) return this.#verifyToken(authorization, credential, peer);
    const presented = hashSecret(key.secret);
    const known = this.#known.get(key.id);
    const match = opened(known, presented);
    if (match === undefined) return this.#meet(key.id, presented, peer);
    if (known !== undefined && this.#believed(known, this.#now())) {
      const admitted = this.#admit(known, presented);
      if (this.#verified.size < VERIFIED_MAX) this.#verified.set(authorization, admitted);
      return admitted.principal;
    }
    return this.#refresh(key.id, known).then((entry) => this.#admit(entry, presented).principal);
  }

  /** Looks into a credential that fits nothing that is known. */
  #meet(id: string, presented: Buffer, peer: string | undefined): Principal | Promise<Principal> {
    const known = this.#known.get(id);
    const why = known === undefined ? 'unknown' : 'secret';
    const credential = `${id} ${presented.toString('base64')}`;
    if (this.#wrong.has(credential)) throw invalid(why);
    // Whoever waits for a query that is under way costs none.
    const asks = !this.#lookups.has(id);
    const giveBack = asks ? this.#take(peer) : NOTHING_TAKEN;
    const now = this.#now();
    const askedAt = known?.askedAt ?? this.#absent.get(id);
    if (asks && askedAt !== undefined && now - askedAt < REREAD_AFTER_MS) throw invalid(why);
    if (known !== undefined && now < this.#restUntil) throw invalid(why);
    return this.#refresh(id, known).then((entry) => {
      const match = opened(entry, presented);
      if (match === undefined) this.#wrong.set(credential, true);
      else giveBack();
      return this.#admit(entry, presented).principal;
    }, givingBack(giveBack));
  }

  /** Counts a credential that is looked into. @returns what undoes it, when it was good */
  #take(peer: string | undefined): () => void {
    if (peer === undefined || this.#strangers === undefined) return NOTHING_TAKEN;
    const strangers = this.#strangers;
    strangers.take(peer);
    return () => strangers.giveBack(peer);
  }

  #verifyToken(authorization: string, token: string, peer: string | undefined): Principal | Promise<Principal> {
    // A JSON Web Token has three parts.
    if (this.#tokens === undefined || token.split('.', 4).length !== 3) throw invalid('malformed');
    let giveBack = NOTHING_TAKEN;
    const identity = this.#tokens.verify(token, () => {
      giveBack = this.#take(peer);
    });
    if (!(identity instanceof Promise)) return this.#believe(authorization, identity);
    return identity.then((verified) => {
      giveBack();
      return this.#believe(authorization, verified);
    }, givingBack(giveBack));
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

  /** @throws ServiceError CREDENTIAL_INVALID or CREDENTIAL_EXPIRED */
  #admit(entry: KnownKey | undefined, presented: Buffer): KnownKey {
    const match = opened(entry, presented);
    if (match === undefined) throw invalid(entry === undefined ? 'unknown' : 'secret');
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
      this.#absent.set(id, askedAt);
      return undefined;
    }
    const endsAt = (time: Micros | undefined) =>
      time === undefined ? Number.POSITIVE_INFINITY : this.#now() + (time - this.#clock.now()) / 1000;
    const entry = knownKey(key, { askedAt, generation }, endsAt);
    this.#known.set(id, entry);
    return entry;
  }

  #withinTimeout<Value>(work: Promise<Value>): Promise<Value> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(tooSlow()), this.#lookupTimeoutMs);
    return Promise.race([work, promise]).finally(() => clearTimeout(timer));
  }
}

/** A failure that tells nothing against a credential does not count. */
function givingBack(giveBack: () => void) {
  return (error: unknown): never => {
    if (!isInvalid(error)) giveBack();
    throw error;
  };
}
