import { hash } from 'node:crypto';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Workspace } from '../domain/admin-repository.ts';
import type { Clock } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import type { Micros } from '../domain/memory.ts';
import { CredentialRefusal, type Principal } from '../domain/principal.ts';
import { type ClaimSettings, readClaims, UnusableClaim } from './claims.ts';
import { KeySetUnavailable } from './key-set-unavailable.ts';

/** Who a token is for, and until when. */
export interface TokenIdentity {
  readonly principal: Principal;
  /** exp, by the clock of the database. */
  readonly expireTime: Micros;
}

export interface TokenVerifierOptions extends ClaimSettings {
  readonly issuer: string;
  /** One of them must be among the token's. */
  readonly audience: readonly string[];
  /** Finds the key of a token: KeySet.find. */
  readonly findKey: JWTVerifyGetKey;
  readonly findWorkspace: (name: string) => Promise<Workspace | undefined>;
  readonly clock: Clock;
  /** Tokens remembered. */
  readonly maxTokens?: number;
}

/**
 * Signatures by private keys only. "none" has no signature, and with a shared secret (HS256) whoever
 * knows the issuer's public key could make tokens of a server that takes it for one.
 */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** Clocks of issuers run ahead; an end is an end. */
const NOT_YET_TOLERANCE_S = 5;
const MAX_BYTES = 8 * 1024;
/** What an author and a key id of a token begin with, so that they are not taken for those of a key. */
const KEY_ID_PREFIX = 'oidc:';

/**
 * Verifies JSON Web Tokens of one issuer (RFC 7519, RFC 8725). A token that was verified is remembered by
 * its SHA-256 until it ends, the keys change or caches are emptied, so that its signature is checked once.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #verified: LRUCache<string, TokenIdentity>;
  /** Tokens being verified, so that a hundred calls at once check one signature. */
  readonly #pending = new Map<string, Promise<TokenIdentity>>();
  #epoch = 0;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
    this.#verified = new LRUCache({ max: options.maxTokens ?? 10_000 });
  }

  /** Forgets what was verified. */
  clear(): void {
    this.#epoch += 1;
    this.#verified.clear();
    this.#pending.clear();
  }

  /**
   * Who the bearer is. Returns at once when the token was verified before.
   *
   * @param unknown called before a token is looked into that was not verified before; it may throw
   * @throws ServiceError CREDENTIAL_INVALID, CREDENTIAL_EXPIRED or ISSUER_UNAVAILABLE; or rejects with
   *   them, or as findWorkspace does
   */
  verify(token: string, unknown: () => void = () => {}): TokenIdentity | Promise<TokenIdentity> {
    if (token.length > MAX_BYTES) throw refused('malformed');
    const digest = hash('sha256', token, 'base64');
    const known = this.#verified.get(digest);
    if (known !== undefined) return this.#unexpired(known);
    let pending = this.#pending.get(digest);
    if (pending === undefined) {
      unknown();
      pending = this.#verify(token, digest);
      this.#pending.set(digest, pending);
      const done = () => {
        if (this.#pending.get(digest) === pending) this.#pending.delete(digest);
      };
      pending.then(done, done);
    }
    return pending;
  }

  #unexpired(identity: TokenIdentity): TokenIdentity {
    if (this.#options.clock.now() < identity.expireTime) return identity;
    throw expired(identity.principal);
  }

  async #verify(token: string, digest: string): Promise<TokenIdentity> {
    const { issuer, audience, clock, findKey } = this.#options;
    const epoch = this.#epoch;
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, findKey, {
        algorithms: ALGORITHMS,
        issuer,
        audience: [...audience],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: NOT_YET_TOLERANCE_S,
        currentDate: new Date(clock.now() / 1000),
      });
      claims = verified.payload;
    } catch (error) {
      throw toRefusal(error);
    }
    const identity = { principal: await this.#principal(claims), expireTime: Math.trunc((claims.exp ?? 0) * 1e6) };
    this.#unexpired(identity);
    // Keys may have changed meanwhile.
    if (epoch === this.#epoch) this.#verified.set(digest, identity);
    return identity;
  }

  async #principal(claims: JWTPayload): Promise<Principal> {
    try {
      const { subject, role, workspace, access } = readClaims(claims, this.#options);
      const found = workspace === '' ? undefined : await this.#options.findWorkspace(workspace);
      if (workspace !== '' && found === undefined) throw new UnusableClaim('workspace');
      const where = { workspaceId: found?.id ?? 0, workspace: found?.name ?? '' };
      return { keyId: `${KEY_ID_PREFIX}${subject}`, name: subject, role, ...where, access };
    } catch (error) {
      throw error instanceof UnusableClaim ? refused(error.why) : error;
    }
  }
}

/** What went wrong in jose, or with the keys. */
function toRefusal(error: unknown): unknown {
  if (error instanceof KeySetUnavailable) {
    return new ServiceError(
      'ISSUER_UNAVAILABLE',
      "the issuer's keys cannot be had, so that its tokens cannot be judged",
      {
        retryAfterMs: 1_000,
        cause: error,
      },
    );
  }
  if (error instanceof errors.JWTExpired) return expired(undefined);
  if (error instanceof errors.JWTClaimValidationFailed) return refused(CLAIMS[error.claim] ?? error.claim);
  if (error instanceof errors.JOSEError) return refused(CODES[error.code] ?? 'malformed');
  // What a key cannot be used for, jose leaves to the runtime to say.
  return error instanceof TypeError ? refused('key') : error;
}

const CLAIMS: Readonly<Record<string, string>> = {
  iss: 'issuer',
  aud: 'audience',
  sub: 'subject',
  nbf: 'not yet valid',
  exp: 'expiry',
};
const CODES: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'algorithm',
  ERR_JOSE_NOT_SUPPORTED: 'algorithm',
  ERR_JWKS_NO_MATCHING_KEY: 'key',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'key',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
};

/** @param why one of our own words: nothing of the token is repeated */
function refused(why: string): ServiceError {
  return new ServiceError('CREDENTIAL_INVALID', `the token is refused for its ${why}`, {
    cause: new CredentialRefusal(why),
  });
}

function expired(principal: Principal | undefined): ServiceError {
  return new ServiceError('CREDENTIAL_EXPIRED', 'the token has expired', {
    cause: new CredentialRefusal('expired', principal),
  });
}
