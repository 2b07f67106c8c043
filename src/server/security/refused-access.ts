import type { AuditRepository, CountedRefusal } from '../domain/audit.ts';

/** How often what was counted is written down. */
const INTERVAL_MS = 5_000;
/**
 * Rows within an hour from one process, for callers nobody knows and for known ones each: whoever calls
 * from ever new addresses fills neither the disk nor the memory, nor drives known callers out. Beyond
 * them what is refused is counted together.
 */
const MAX_ROWS = 256;
const HOUR_MS = 3_600_000;

/** One call that was refused for who made it. */
export type Refusal = Omit<CountedRefusal, 'count' | 'firstAgoMs' | 'lastAgoMs'>;

interface Counted {
  readonly refusal: Refusal;
  count: number;
  /** performance.now() */
  readonly firstAt: number;
  lastAt: number;
}

/**
 * Refused access on its way into the audit trail: counted in memory, so that a refused call waits for
 * nothing and a thousand of them are one row.
 */
export class RefusedAccess {
  readonly #repository: Pick<AuditRepository, 'countRefusals'>;
  readonly #onError: (error: unknown) => void;
  readonly #now: () => number;
  #counted = new Map<string, Counted>();
  /** Rows of this hour, of unknown callers and of known ones. */
  readonly #rows = [new Set<string>(), new Set<string>()] as const;
  #hour = -1;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    repository: Pick<AuditRepository, 'countRefusals'>,
    onError: (error: unknown) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#repository = repository;
    this.#onError = onError;
    this.#now = now;
  }

  refused(refusal: Refusal): void {
    const now = this.#now();
    const kept = this.#withinBounds(refusal, now);
    const key = keyOf(kept);
    const counted = this.#counted.get(key);
    if (counted === undefined) this.#counted.set(key, { refusal: kept, count: 1, firstAt: now, lastAt: now });
    else {
      counted.count += 1;
      counted.lastAt = now;
    }
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.flush(), INTERVAL_MS).unref();
  }

  /** Writes down what was counted; what cannot be written is counted on. Never rejects. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Writes down what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #write(): Promise<void> {
    const counted = this.#counted;
    if (counted.size === 0) return;
    this.#counted = new Map();
    const now = this.#now();
    try {
      await this.#repository.countRefusals(
        [...counted.values()].map(({ refusal, count, firstAt, lastAt }) => ({
          ...refusal,
          count,
          firstAgoMs: now - firstAt,
          lastAgoMs: now - lastAt,
        })),
      );
    } catch (error) {
      this.#countAgain(counted);
      this.#onError(error);
    }
  }

  #countAgain(counted: ReadonlyMap<string, Counted>): void {
    for (const [key, earlier] of counted) {
      const later = this.#counted.get(key);
      const lastAt = later?.lastAt ?? earlier.lastAt;
      this.#counted.set(key, { ...earlier, count: earlier.count + (later?.count ?? 0), lastAt });
    }
  }

  #withinBounds(refusal: Refusal, now: number): Refusal {
    const hour = Math.floor(now / HOUR_MS);
    if (hour !== this.#hour) for (const rows of this.#rows) rows.clear();
    this.#hour = hour;
    const rows = this.#rows[refusal.keyId === '' ? 0 : 1];
    const key = keyOf(refusal);
    if (rows.has(key)) return refusal;
    if (rows.size >= MAX_ROWS) return together(refusal);
    rows.add(key);
    return refusal;
  }
}

function together({ reason }: Refusal): Refusal {
  return { reason, workspaceId: 0, keyId: '', actor: '', peer: '', callId: '', action: '', target: 'others' };
}

function keyOf({ reason, action, target, keyId, actor, peer }: Refusal): string {
  return JSON.stringify([reason, action, target, keyId, actor, peer]);
}
