export interface BreakerOptions {
  /** So many failures within windowMs open it. */
  readonly failures: number;
  readonly windowMs: number;
  /** First pause between probes; doubles up to maxPauseMs. */
  readonly minPauseMs: number;
  readonly maxPauseMs: number;
}

/**
 * A circuit breaker whose half-open state belongs to a probe in the background, never to a caller.
 *
 * Written here because the kept libraries (cockatiel, opossum) wrap one call each and let the next
 * caller be the probe: ours serves many callers with one command a tick, must read the run id of
 * Redis before it closes, and opens from the outside when the connection is lost.
 */
export class Breaker {
  readonly #probe: () => Promise<void>;
  readonly #onOpen: (cause: Error) => void;
  readonly #options: BreakerOptions;
  readonly #failedAt: number[] = [];
  #open = true;
  #pauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #probing = false;
  #stopped = false;

  /**
   * Starts open: the first probe closes it.
   * @param probe resolves when the thing works again
   * @param onOpen told once each time it opens
   */
  constructor(probe: () => Promise<void>, onOpen: (cause: Error) => void, options: BreakerOptions) {
    this.#probe = probe;
    this.#onOpen = onOpen;
    this.#options = options;
    this.#pauseMs = options.minPauseMs;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** A command failed, timed out included. */
  failed(cause: Error): void {
    if (this.#open) return;
    const now = performance.now();
    this.#failedAt.push(now);
    if (this.#failedAt.length < this.#options.failures) return;
    const first = this.#failedAt.shift() ?? now;
    if (now - first <= this.#options.windowMs) this.open(cause);
  }

  /** Opens it at once. */
  open(cause: Error): void {
    if (this.#open) return;
    this.#open = true;
    this.#failedAt.length = 0;
    this.#onOpen(cause);
    this.#later();
  }

  /** Probes now instead of after the pause. */
  async probeNow(): Promise<void> {
    if (!this.#open || this.#probing || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#probing = true;
    try {
      await this.#probe();
      this.#open = this.#stopped;
      this.#pauseMs = this.#options.minPauseMs;
    } catch {
      this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.maxPauseMs);
      this.#later();
    } finally {
      this.#probing = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#open = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.probeNow(), this.#pauseMs);
    this.#timer.unref();
  }
}
