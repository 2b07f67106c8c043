import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { ServiceError } from '../domain/errors.ts';
import type { Principal } from '../domain/principal.ts';

/** Calls are taken from the shared count in parts of a twentieth of a second's, so that few calls ask for it. */
const PARTS = 20;
const REDIS_TIMEOUT_MS = 50;
/** Keys and workspaces whose parts are remembered. */
const REMEMBERED_MAX = 10_000;

export interface RateLimitOptions {
  /** Calls a second of one key, over all servers that share a Redis; 0: any. */
  readonly keyPerSecond: number;
  /** Calls a second of all keys of a workspace; 0: any. */
  readonly workspacePerSecond: number;
  /** Where the counts are shared; undefined: each process counts its own share. */
  readonly redisUrl: string | undefined;
  /** Processes of this server. Without Redis each gets its part of the limits. */
  readonly processes: number;
  /** Keeps the counts of two databases on one Redis apart. */
  readonly prefix: string;
  /** performance.now(), for tests. */
  readonly now?: () => number;
}

/** What is left after a call, for its headers. */
export interface RateLimitState {
  /** Calls a second. */
  readonly limit: number;
  /** About how many more this second. */
  readonly remaining: number;
}

/** The limits of keys and of workspaces. */
export class RateLimits {
  readonly #key: LeasedLimit | undefined;
  readonly #workspace: LeasedLimit | undefined;
  readonly #redis: Redis | undefined;

  private constructor(options: RateLimitOptions) {
    this.#redis = options.redisUrl === undefined ? undefined : connect(options.redisUrl);
    const limit = (of: 'key' | 'workspace', perSecond: number) =>
      perSecond === 0 ? undefined : new LeasedLimit(of, perSecond, options, this.#redis);
    this.#key = limit('key', options.keyPerSecond);
    this.#workspace = limit('workspace', options.workspacePerSecond);
  }

  /** undefined when there are no limits, so that a call need not ask. */
  static open(options: RateLimitOptions): RateLimits | undefined {
    return options.keyPerSecond + options.workspacePerSecond === 0 ? undefined : new RateLimits(options);
  }

  /**
   * Counts one call. Returns at once unless a new part has to be taken from the shared count.
   *
   * @throws ServiceError RATE_LIMITED, or rejects with it
   */
  take(principal: Principal): RateLimitState | Promise<RateLimitState> {
    const ofKey = this.#key?.take(principal.keyId);
    // Monitor and operator keys have no workspace.
    if (this.#workspace === undefined || principal.workspaceId === 0) return ofKey ?? UNLIMITED;
    if (ofKey instanceof Promise) return ofKey.then((state) => this.#takeWorkspace(principal, state));
    return this.#takeWorkspace(principal, ofKey);
  }

  close(): void {
    this.#redis?.disconnect();
  }

  #takeWorkspace(principal: Principal, ofKey: RateLimitState | undefined): RateLimitState | Promise<RateLimitState> {
    const ofWorkspace = this.#workspace?.take(String(principal.workspaceId)) ?? UNLIMITED;
    if (ofWorkspace instanceof Promise) return ofWorkspace.then((state) => nearer(ofKey, state));
    return nearer(ofKey, ofWorkspace);
  }
}

const UNLIMITED: RateLimitState = { limit: Number.POSITIVE_INFINITY, remaining: Number.POSITIVE_INFINITY };

function nearer(a: RateLimitState | undefined, b: RateLimitState): RateLimitState {
  return a !== undefined && a.remaining <= b.remaining ? a : b;
}

/** A part of a second's calls that this process has taken and may give out. */
interface Lease {
  left: number;
  /** What the shared count still had when it was taken. */
  behind: number;
  endsAt: number;
  /** The shared count is used up until then. */
  refusedUntil: number;
  pending: Promise<void> | undefined;
}

/** One limit, counted a second at a time. */
class LeasedLimit {
  readonly #of: 'key' | 'workspace';
  readonly #perSecond: number;
  /** This process' share. */
  readonly #own: RateLimiterAbstract;
  /** The same without Redis. */
  readonly #shared: RateLimiterAbstract;
  readonly #now: () => number;
  readonly #leases = new LRUCache<string, Lease>({ max: REMEMBERED_MAX });

  constructor(of: 'key' | 'workspace', perSecond: number, options: RateLimitOptions, redis: Redis | undefined) {
    const { prefix, processes, now = () => performance.now() } = options;
    this.#of = of;
    this.#perSecond = perSecond;
    this.#now = now;
    this.#own = new RateLimiterMemory({ points: Math.ceil(perSecond / processes), duration: 1 });
    this.#shared =
      redis === undefined
        ? this.#own
        : new RateLimiterRedis({
            storeClient: redis,
            keyPrefix: `${prefix}:rate:${of}`,
            points: perSecond,
            duration: 1,
            rejectIfRedisNotReady: true,
          });
  }

  take(id: string): RateLimitState | Promise<RateLimitState> {
    let lease = this.#leases.get(id);
    if (lease === undefined) {
      lease = { left: 0, behind: 0, endsAt: 0, refusedUntil: 0, pending: undefined };
      this.#leases.set(id, lease);
    }
    const now = this.#now();
    if (now < lease.refusedUntil) throw this.#refusal(lease.refusedUntil - now);
    if (lease.left > 0 && now < lease.endsAt) {
      lease.left -= 1;
      return { limit: this.#perSecond, remaining: lease.left + lease.behind };
    }
    lease.pending ??= this.#renew(id, lease);
    return lease.pending.then(() => this.take(id));
  }

  async #renew(id: string, lease: Lease): Promise<void> {
    try {
      await this.#take(this.#shared, id, lease);
    } catch {
      // While Redis is away each process counts its own share.
      await this.#take(this.#own, id, lease);
    } finally {
      lease.pending = undefined;
    }
  }

  async #take(limiter: RateLimiterAbstract, id: string, lease: Lease): Promise<void> {
    const part = Math.max(1, Math.ceil(limiter.points / PARTS));
    try {
      this.#grant(lease, part, await limiter.consume(id, part));
    } catch (answer) {
      if (!(answer instanceof RateLimiterRes)) throw answer;
      // The part was larger than what was left of the second.
      const granted = limiter.points - (answer.consumedPoints - part);
      if (granted > 0) this.#grant(lease, granted, answer);
      else lease.refusedUntil = this.#now() + answer.msBeforeNext;
    }
  }

  #grant(lease: Lease, calls: number, answer: RateLimiterRes): void {
    lease.left = calls;
    lease.behind = Math.max(0, answer.remainingPoints);
    lease.endsAt = this.#now() + answer.msBeforeNext;
  }

  #refusal(waitMs: number): ServiceError {
    const whose = this.#of === 'key' ? 'this key' : 'the keys of this workspace';
    return new ServiceError('RATE_LIMITED', `${whose} may make ${this.#perSecond} calls a second`, {
      metadata: { of: this.#of, limit: String(this.#perSecond) },
      retryAfterMs: Math.max(1, Math.ceil(waitMs)),
    });
  }
}

function connect(url: string): Redis {
  const redis = new Redis(url, {
    protocol: 2,
    connectionName: 'memory-hub-rates',
    commandTimeout: REDIS_TIMEOUT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  });
  // The cache's connection tells of a Redis that is lost.
  redis.on('error', () => {});
  return redis;
}
