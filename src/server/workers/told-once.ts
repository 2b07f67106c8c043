import { EventKind, type StatsEvent } from '../../shared/gen/memoryhub/v1/stats_service.ts';

/** What every worker sees for itself, and an operator wants to hear of once. */
const SEEN_BY_ALL: ReadonlySet<EventKind> = new Set([
  EventKind.SERVER_STARTED,
  EventKind.REDIS_LOST,
  EventKind.REDIS_BACK,
  EventKind.POSTGRES_LOST,
  EventKind.POSTGRES_BACK,
]);

/** Workers see the same thing within a probe's pause and a poll's: what comes later happened again. */
const SAME_WITHIN_MS = 5_000;

/** Of what several workers tell at about the same time, lets through what the first of them says. */
export class ToldOnce {
  readonly #now: () => number;
  readonly #told = new Map<EventKind, { readonly worker: number; readonly at: number }>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The events of a worker that no other has just told of. */
  news(worker: number, events: readonly StatsEvent[]): StatsEvent[] {
    return events.filter(({ kind }) => {
      if (!SEEN_BY_ALL.has(kind)) return true;
      const told = this.#told.get(kind);
      if (told && told.worker !== worker && this.#now() - told.at < SAME_WITHIN_MS) return false;
      this.#told.set(kind, { worker, at: this.#now() });
      return true;
    });
  }
}
