import { ServiceError } from '../domain/errors.ts';

/** How often the limits are looked at. */
export const LOOK_EVERY_MS = 100;
/** What calls may have to wait; the limit is as many as are done in this time. */
const WAIT_MS = 300;
const LOOKS = WAIT_MS / LOOK_EVERY_MS;
/** Calls of a method that are always let in: a hundred users at once are, however slow the machine is. */
const MIN_IN_FLIGHT = 128;
const MAX_IN_FLIGHT = 8_192;
const FIRST_LIMIT = 1_024;
const INCREASE = 32;
const DECREASE = 0.8;
const RETRY_AFTER_MS = 200;

/** How the process keeps up: it mostly waits for others, has work for at least half of the time, or runs late. */
export type Pace = 'waiting' | 'working' | 'late';

/**
 * How many calls of one method may be under way. Of one, because what a call costs is its method's: while batches are
 * refused, reads that take a thousandth of one are not.
 *
 * As many as ended in the last `WAIT_MS` wait no longer than that (Little's law, L = λW), so that is the limit once
 * more are under way. Not at once: a burst after a pause has nothing behind it to judge by, and to be served soon is
 * what queues are for (CoDel, RFC 8289). Nor where the process itself has little to do: calls that wait for locks, or
 * for a database that is far, end no sooner when there are fewer of them. When no more wait than that, what was is
 * forgotten step by step. All of these are counts, and need no time of any call.
 */
export class CallLimit {
  #limit = FIRST_LIMIT;
  #inFlight = 0;
  /** Most calls under way since the last look. */
  #peak = 0;
  #ended = 0;
  /** Both at each of the last looks, the oldest of them at `#oldest`. */
  readonly #inFlightThen: number[] = new Array(LOOKS).fill(0);
  readonly #endedThen: number[] = new Array(LOOKS).fill(0);
  #oldest = 0;

  /** Calls that may be under way now. */
  get limit(): number {
    return this.#limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether no more are let in now. */
  get isReached(): boolean {
    return this.#inFlight >= this.#limit;
  }

  /**
   * Lets a call in, which must `leave` again.
   *
   * @throws ServiceError OVERLOADED
   */
  enter(): void {
    if (this.isReached) throw overloaded(`${this.#limit} calls like it are under way already`);
    this.#inFlight += 1;
    if (this.#inFlight > this.#peak) this.#peak = this.#inFlight;
  }

  leave(): void {
    this.#inFlight -= 1;
    this.#ended += 1;
  }

  /** Takes what happened since the last look into account. */
  look(pace: Pace): void {
    const at = this.#oldest;
    const done = this.#ended - (this.#endedThen[at] ?? 0);
    const wasUsed = (this.#inFlightThen[at] ?? 0) > 0;
    // Those that came since the last look may have ended by the next one.
    const waiting = this.#inFlightThen[(at + LOOKS - 1) % LOOKS] ?? 0;
    if (pace !== 'waiting' && wasUsed && waiting > done) this.#lower(done);
    // Where none is under way something else is late, and a burst that comes next would be refused for it.
    else if (pace === 'late' && this.#peak > 0) this.#lower(Math.floor(this.#peak * DECREASE));
    else if (this.#limit < FIRST_LIMIT || (this.#peak >= this.#limit && done >= this.#limit)) this.#limit += INCREASE;
    this.#limit = Math.min(this.#limit, MAX_IN_FLIGHT);
    this.#peak = this.#inFlight;
    this.#inFlightThen[at] = this.#inFlight;
    this.#endedThen[at] = this.#ended;
    this.#oldest = (at + 1) % LOOKS;
  }

  #lower(to: number): void {
    this.#limit = Math.max(MIN_IN_FLIGHT, Math.min(this.#limit, to));
  }
}

export function overloaded(why: string): ServiceError {
  return new ServiceError('OVERLOADED', `${why}; try again`, { retryAfterMs: RETRY_AFTER_MS });
}
