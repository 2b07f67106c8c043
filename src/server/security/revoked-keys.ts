import type { Refusal } from './refused-access.ts';

/** A key that goes on being used is told of again after so long. */
const AGAIN_AFTER_MS = 600_000;
/** Only who has a key's secret is told of, so that there are no more of them than keys. */
const MAX_KEYS = 1_000;

/**
 * Tells of revoked keys that are still in use, each once in a while: callers learn only that their key is
 * no good, and whoever revoked it does not see them.
 */
export class RevokedKeysInUse {
  readonly #tell: (text: string) => void;
  readonly #now: () => number;
  /** performance.now() when each was told of. */
  readonly #toldAt = new Map<string, number>();

  constructor(tell: (text: string) => void, now: () => number = () => performance.now()) {
    this.#tell = tell;
    this.#now = now;
  }

  refused({ target, keyId, actor, peer }: Pick<Refusal, 'target' | 'keyId' | 'actor' | 'peer'>): void {
    if (target !== 'revoked' || keyId === '') return;
    const now = this.#now();
    const toldAt = this.#toldAt.get(keyId);
    if (toldAt !== undefined && now - toldAt < AGAIN_AFTER_MS) return;
    if (toldAt === undefined && this.#toldAt.size >= MAX_KEYS) return;
    this.#toldAt.set(keyId, now);
    this.#tell(`the revoked key "${actor}" is used from ${peer}; its id is ${keyId}`);
  }
}
