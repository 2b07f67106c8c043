import { LRUCache } from 'lru-cache';
import { ServiceError } from '../domain/errors.ts';

/** Networks that are remembered: whoever has more of them at hand begins anew with each. */
const NETWORKS_MAX = 10_000;
/** A bucket holds what so many seconds let through. */
const BURST_SECONDS = 4;

interface Bucket {
  left: number;
  /** performance.now() up to which it was filled. */
  filledAt: number;
}

export interface StrangerLimitOptions {
  /** Credentials a second of one network. */
  readonly perSecond: number;
  /** performance.now(), for tests. */
  readonly now?: () => number;
}

/**
 * How many credentials that turn out not to be good one network may show: a token bucket for each. What
 * looks into one takes a token first, and gives it back when the credential was good, so that only guesses
 * count, however many come at once. In the memory of this process, and bounded: a library that keeps every
 * key until its time is over would let a flood of addresses fill it.
 */
export class StrangerLimits {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #buckets = new LRUCache<string, Bucket>({ max: NETWORKS_MAX });

  constructor({ perSecond, now = () => performance.now() }: StrangerLimitOptions) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** @throws ServiceError RATE_LIMITED */
  take(peer: string): void {
    const bucket = this.#bucket(peer);
    if (bucket.left < 1) {
      throw new ServiceError('RATE_LIMITED', 'too many credentials that are not good come from this address', {
        metadata: { of: 'address', limit: String(this.#perSecond) },
        retryAfterMs: Math.ceil(((1 - bucket.left) * 1000) / this.#perSecond),
      });
    }
    bucket.left -= 1;
  }

  giveBack(peer: string): void {
    const bucket = this.#bucket(peer);
    bucket.left = Math.min(this.#most, bucket.left + 1);
  }

  get #most(): number {
    return this.#perSecond * BURST_SECONDS;
  }

  #bucket(peer: string): Bucket {
    const network = networkOf(peer);
    const now = this.#now();
    const bucket = this.#buckets.get(network) ?? { left: this.#most, filledAt: now };
    bucket.left = Math.min(this.#most, bucket.left + ((now - bucket.filledAt) * this.#perSecond) / 1000);
    bucket.filledAt = now;
    this.#buckets.set(network, bucket);
    return bucket;
  }
}

/** What one caller has at least: an IPv4 address, or the /64 an IPv6 address is one of 2^64 in. */
function networkOf(peer: string): string {
  if (!peer.includes(':') || peer.includes('.')) return peer.slice(peer.lastIndexOf(':') + 1);
  const [head = '', tail] = peer.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    while (groups.length + behind.length < 8) groups.push('0');
  }
  return groups.slice(0, 4).join(':');
}
