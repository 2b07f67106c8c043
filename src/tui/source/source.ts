import type { SourceEvent } from '../state/event.ts';

/** What the stream of a source carries besides totals; changing it does not lose a frame. */
export interface SourceSettings {
  /** Time between frames, 100..60,000. Milliseconds. */
  readonly intervalMs: number;
  /** Methods with stages and slowest calls, by their short names. */
  readonly detailMethods: readonly string[];
  /** Whether the totals since the server's start are wanted too, every few seconds. */
  readonly totals?: boolean;
}

/** Where frames come from: a server, a recording. Every source yields the same events. */
export interface Source {
  /** What the header calls it. */
  readonly target: string;
  /** Whether its time is now, so that ages are counted by the clock. */
  readonly live: boolean;
  /** Ends only when the signal does, or when a recording is over. */
  events(signal: AbortSignal): AsyncIterable<SourceEvent>;
  /** Has an effect on live sources only. */
  configure(settings: SourceSettings): void;
  /** Ends the wait between two attempts. */
  retryNow(): void;
}
