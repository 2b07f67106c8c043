import { timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '../domain/admin-repository.ts';
import type { Micros } from '../domain/memory.ts';
import type { Principal } from '../domain/principal.ts';
import { hashSecret } from './api-key.ts';

/** What is remembered of a key: the hash, never the secret. */
export interface KnownKey {
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

/** @param endsAt performance.now() of a time by the database's clock */
export function knownKey(
  key: ApiKey,
  asked: Pick<KnownKey, 'askedAt' | 'generation'>,
  endsAt: (time: Micros | undefined) => number,
): KnownKey {
  const { secretHash, previous, revokeTime, expireTime } = key;
  const known = { ...asked, principal: principalOf(key), revoked: revokeTime !== undefined, previous: undefined };
  const current = { ...known, secretHash, endsAt: endsAt(expireTime) };
  if (previous === undefined) return current;
  const ends = Math.min(current.endsAt, endsAt(previous.expireTime));
  return { ...current, previous: { ...known, secretHash: previous.secretHash, endsAt: ends } };
}

/** What a secret is compared with when there is no key of its id, so that this takes as long. */
const NO_HASH = hashSecret('');

/**
 * The key, or the key as it was before its rotation; undefined: the secret fits neither, or there is no
 * key. Always two comparisons in constant time: how long it takes tells nothing of which keys there are.
 *
 * @param presented hash of the secret
 */
export function opened(known: KnownKey | undefined, presented: Uint8Array): KnownKey | undefined {
  const fits = timingSafeEqual(presented, known?.secretHash ?? NO_HASH);
  const fitted = timingSafeEqual(presented, known?.previous?.secretHash ?? NO_HASH);
  if (fits) return known;
  return fitted ? known?.previous : undefined;
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
