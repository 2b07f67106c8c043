import type { WaitGauges } from './stats/gauges.ts';

const INTERVAL_MS = 1000;

/**
 * Looks once a second at what the database's sessions wait for, and adds up what it sees: a lock, the
 * disk, another's commit. A slow statement does not say why it is; this does, as `pg_stat_activity`
 * would to whoever looked at the right moment.
 */
export class SessionWaits {
  readonly #look: () => Promise<ReadonlyMap<string, number>>;
  readonly #sessions = new Map<string, number>();
  #looks = 0;
  #underWay = false;
  readonly #timer: NodeJS.Timeout;

  /** @param look sessions that wait now, by what for; may fail */
  constructor(look: () => Promise<ReadonlyMap<string, number>>) {
    this.#look = look;
    this.#timer = setInterval(() => void this.#sample(), INTERVAL_MS).unref();
  }

  get gauges(): WaitGauges {
    return { looks: this.#looks, sessions: this.#sessions };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sample(): Promise<void> {
    // A database too busy to tell is not asked twice.
    if (this.#underWay) return;
    this.#underWay = true;
    try {
      for (const [event, sessions] of await this.#look()) {
        this.#sessions.set(event, (this.#sessions.get(event) ?? 0) + sessions);
      }
      this.#looks++;
    } catch {
      // It is away, which its own panel says.
    } finally {
      this.#underWay = false;
    }
  }
}
