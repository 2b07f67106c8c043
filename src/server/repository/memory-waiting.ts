import { Slots } from '../../shared/slots.ts';
import type { CallContext } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';

/** A call that waits for a statement shared with others. */
export interface Waiting {
  readonly call: CallContext;
  /** Where WaitingCalls has it; -1: it does not wait any more, or not yet. */
  slot: number;
  /** Ends the wait; later results are ignored. */
  reject(error: unknown): void;
}

/**
 * Ends the wait of calls that were cancelled or ran out of time, within `sweepMs`. One timer looks at
 * all of them, because a listener on every call's signal costs more than the rest of the coalescing.
 */
export class WaitingCalls {
  readonly #waiting = new Slots<Waiting>();
  readonly #sweepMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(sweepMs = 25) {
    this.#sweepMs = sweepMs;
  }

  add(waiting: Waiting): void {
    waiting.slot = this.#waiting.add(waiting);
    this.#timer ??= setInterval(() => this.#sweep(), this.#sweepMs).unref();
  }

  /** @returns whether it was still waiting */
  delete(waiting: Waiting): boolean {
    if (waiting.slot < 0) return false;
    this.#waiting.clear(waiting.slot);
    waiting.slot = -1;
    return true;
  }

  #sweep(): void {
    this.#waiting.forEach((waiting) => {
      if (hasEnded(waiting.call) && this.delete(waiting)) waiting.reject(endOf(waiting.call));
    });
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Whether nobody waits for this call any more. */
export function hasEnded(call: CallContext): boolean {
  return call.ended || performance.now() >= call.deadlineAt;
}

/** The error of a call that has ended. */
export function endOf(call: CallContext): ServiceError {
  const { reason } = call.signal;
  if (reason instanceof ServiceError) return reason;
  return performance.now() >= call.deadlineAt
    ? new ServiceError('DEADLINE_EXCEEDED', 'the deadline passed before the database answered')
    : new ServiceError('CANCELLED', 'the call was cancelled');
}
