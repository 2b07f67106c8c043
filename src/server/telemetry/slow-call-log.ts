import type { Logger } from 'pino';
import { CODE_NAMES } from '../../shared/rpc-error.ts';
import { Stage } from '../domain/call-context.ts';
import type { CallRecord, SlowCalls } from '../rpc/call-observer.ts';

/** When everything is slow the first lines tell as much as all of them would. */
const LINES_MAX = 20;
const PERIOD_MS = 10_000;

const STAGES = Object.entries(Stage).map(([name, stage]) => [`${name.toLowerCase()}_ms`, stage] as const);

/** A line for each call that took too long, with where its time went; in bad times for the first of them. */
export class SlowCallLog implements SlowCalls {
  readonly thresholdUs: number;
  readonly #log: Logger;
  readonly #now: () => number;
  #periodEndsAt = 0;
  #lines = 0;
  #left = 0;

  /** @param now performance.now(), for tests */
  constructor(log: Logger, thresholdMs: number, now = () => performance.now()) {
    this.thresholdUs = thresholdMs * 1000;
    this.#log = log;
    this.#now = now;
  }

  slow(path: string, callId: string, record: CallRecord, reason: string | undefined, traceId?: string): void {
    const now = this.#now();
    if (now >= this.#periodEndsAt) {
      if (this.#left > 0) this.#log.warn({ calls: this.#left }, 'more calls were slow than are logged');
      this.#periodEndsAt = now + PERIOD_MS;
      this.#lines = 0;
      this.#left = 0;
    }
    if (this.#lines >= LINES_MAX) {
      this.#left += 1;
      return;
    }
    this.#lines += 1;
    const stages = STAGES.map(([name, stage]) => [name, milliseconds(record.stagesUs[stage] ?? 0)]);
    this.#log.warn(
      {
        request_id: callId,
        trace_id: traceId,
        method: path.slice(1),
        code: CODE_NAMES[record.code] ?? record.code,
        reason,
        elapsed_ms: milliseconds(record.elapsedUs),
        ...Object.fromEntries(stages),
        key_id: record.keyId,
        peer: record.peer,
      },
      'a call was slow',
    );
  }
}

function milliseconds(us: number): number {
  return Math.round(us) / 1000;
}
