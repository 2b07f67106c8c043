import { getHeapStatistics } from 'node:v8';
import { ServiceError } from '../domain/errors.ts';

const TICK_MS = 100;
/** Unary calls under way that are always let in, whatever the event loop says. */
const MIN_IN_FLIGHT = 256;
const MAX_IN_FLIGHT = 8_192;
const FIRST_LIMIT = 1_024;
/** Additive increase, multiplicative decrease, as TCP's congestion control has it (RFC 5681). */
const INCREASE = 64;
const DECREASE = 0.8;
/** Of the heap V8 may take: from there on it mostly collects garbage, and then ends the process. */
const HEAP_FULL = 0.92;
const HEAP_GOOD = 0.85;
const RETRY_AFTER_MS = 200;
/**
 * What calls that came together may take of one turn of the event loop before the next ones are read: checking a
 * large batch takes milliseconds, and whoever is to be refused, or asks for health, would wait for all of them.
 */
const TURN_MS = 20;
/** Promises a call passes until it has handed in its work. */
const HOPS = 4;

/** A call that waits for its turn. */
interface Deferred {
  readonly since: number;
  goOn(): void;
}

/** What the gate looks at, ten times a second. */
export interface Strain {
  /** How late the event loop ran a timer, or how long a call has waited for its turn, in milliseconds. */
  readonly lagMs: number;
  /** Share of the heap in use. */
  readonly heap: number;
}

/**
 * Refuses calls early when there are more than the process can serve, since a call that waits in vain
 * costs as much as one that is answered. How many unary calls may be under way is found out: more each
 * time the limit was reached and the event loop kept up, fewer when it ran late or calls waited for their
 * turn. A heap that is nearly full lets in nothing new. Health checks and statistics are not asked.
 */
export class OverloadGate {
  readonly #lagMs: number;
  readonly #timer: NodeJS.Timeout;
  #expectedAt = performance.now() + TICK_MS;
  #limit = FIRST_LIMIT;
  #inFlight = 0;
  /** Most calls under way since the last look. */
  #peak = 0;
  #heapIsFull = false;
  /** Whether a call has begun in this turn, and until when others may. */
  #inTurn = false;
  #turnEndsAt = 0;
  /** Let in, and to go on in a later turn, in this order. */
  readonly #deferred: Deferred[] = [];

  /** @param lagMs from which lateness on the event loop does not keep up */
  constructor(lagMs: number) {
    this.#lagMs = lagMs;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Unary calls that may be under way now. */
  get limit(): number {
    return this.#limit;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Lets a unary call in, which must `leave` again.
   *
   * @throws ServiceError OVERLOADED
   */
  enter(): void {
    if (this.#inFlight >= this.#limit) throw overloaded(`${this.#limit} calls are under way already`);
    this.checkHeap();
    this.#inFlight += 1;
    if (this.#inFlight > this.#peak) this.#peak = this.#inFlight;
  }

  leave(): void {
    this.#inFlight -= 1;
  }

  /** What a call that was let in waits for before it goes on; undefined: nothing. */
  turn(): Promise<void> | undefined {
    if (!this.#inTurn) this.#beginTurn();
    if (this.#deferred.length === 0 && performance.now() < this.#turnEndsAt) return undefined;
    return new Promise((goOn) => this.#deferred.push({ since: performance.now(), goOn }));
  }

  /** For streams, which stay for as long as their readers like. @throws ServiceError OVERLOADED */
  checkHeap(): void {
    if (this.#heapIsFull) throw overloaded('the memory of the server is nearly used up');
  }

  /** Takes a look into account. */
  look({ lagMs, heap }: Strain): void {
    this.#heapIsFull = heap > (this.#heapIsFull ? HEAP_GOOD : HEAP_FULL);
    if (lagMs > this.#lagMs)
      this.#limit = Math.max(MIN_IN_FLIGHT, Math.floor(Math.min(this.#limit, this.#peak) * DECREASE));
    else if (this.#peak >= this.#limit) this.#limit = Math.min(MAX_IN_FLIGHT, this.#limit + INCREASE);
    this.#peak = this.#inFlight;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #beginTurn(): void {
    this.#inTurn = true;
    this.#turnEndsAt = performance.now() + TURN_MS;
    setImmediate(() => {
      this.#inTurn = false;
      if (this.#deferred.length > 0) void this.#goOn();
    });
  }

  async #goOn(): Promise<void> {
    this.#beginTurn();
    while (this.#deferred.length > 0 && performance.now() < this.#turnEndsAt) {
      this.#deferred.shift()?.goOn();
      // It does what it has to do without waiting, before the next one is looked at.
      for (let hop = 0; hop < HOPS; hop++) await undefined;
    }
  }

  #tick(): void {
    const now = performance.now();
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    // Calls that begin over several turns keep the loop in time however many there are: their wait tells of them.
    const waitedMs = now - (this.#deferred[0]?.since ?? now);
    this.look({ lagMs: Math.max(now - this.#expectedAt, waitedMs), heap: used / limit });
    this.#expectedAt = now + TICK_MS;
  }
}

function overloaded(why: string): ServiceError {
  return new ServiceError('OVERLOADED', `${why}; try again`, { retryAfterMs: RETRY_AFTER_MS });
}
