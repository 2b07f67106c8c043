import type { SlowCall } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { FRAME_LIMITS } from '../../shared/stats-merge.ts';
import { durationFromMs, timestampFromMs } from '../../shared/time.ts';
import type { CallRecord } from '../rpc/call-observer.ts';
import { wholeBigint } from './whole.ts';

interface Kept {
  readonly atMs: number;
  readonly elapsedUs: number;
  readonly code: number;
  readonly traceId: string;
  readonly stagesUs: readonly number[];
}

/** The slowest calls of a stretch, slowest first. Allocates only for a call that enters the list. */
export class SlowestCalls {
  #calls: Kept[] = [];
  /** What a call must exceed to enter. */
  #threshold = -1;

  offer(record: CallRecord): void {
    if (!(record.elapsedUs > this.#threshold)) return;
    const { elapsedUs, code, traceId = '' } = record;
    const stagesUs = Array.from({ length: 6 }, (_, i) => record.stagesUs[i + 1] ?? 0);
    const place = this.#calls.findIndex((call) => call.elapsedUs < elapsedUs);
    const kept = { atMs: Date.now(), elapsedUs, code, traceId, stagesUs };
    this.#calls.splice(place === -1 ? this.#calls.length : place, 0, kept);
    if (this.#calls.length > FRAME_LIMITS.slowest) this.#calls.pop();
    if (this.#calls.length === FRAME_LIMITS.slowest) this.#threshold = this.#calls.at(-1)?.elapsedUs ?? -1;
  }

  /** Those since the last drain. */
  drain(): SlowCall[] {
    if (this.#calls.length === 0) return [];
    const calls = this.#calls.map((call) => ({
      at: timestampFromMs(call.atMs),
      duration: durationFromMs(call.elapsedUs / 1000),
      code: call.code,
      traceId: call.traceId,
      stageUs: call.stagesUs.map((us) => wholeBigint(us)),
    }));
    this.#calls = [];
    this.#threshold = -1;
    return calls;
  }
}
