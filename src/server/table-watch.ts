import type { TableSize } from './stats/gauges.ts';

/** Often enough to see from two of them, soon, that a table is read as a whole. */
const INTERVAL_MS = 10_000;

/** Asks the database every ten seconds how large its tables are and how they are read. */
export class TableWatch {
  readonly #timer: NodeJS.Timeout;
  #news: readonly TableSize[] | undefined;

  /** @param ask may fail */
  constructor(ask: () => Promise<readonly TableSize[]>) {
    const look = () =>
      void ask().then(
        (sizes) => {
          this.#news = sizes;
        },
        // The database is away, which its own panel says; it is asked again soon.
        () => undefined,
      );
    this.#timer = setInterval(look, INTERVAL_MS).unref();
    look();
  }

  /** What the last look found; undefined when it was taken already. */
  take(): readonly TableSize[] | undefined {
    const news = this.#news;
    this.#news = undefined;
    return news;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
