import { getHeapStatistics } from 'node:v8';
import { CallLimit, LOOK_EVERY_MS, overloaded, type Pace } from './call-limit.ts';
import { CallTurns } from './call-turns.ts';

/** Of the heap V8 may take: from there on it mostly collects garbage, and then ends the process. */
const HEAP_FULL = 0.92;
const HEAP_GOOD = 0.85;

/** What the gate looks at, ten times a second. */
export interface Strain {
  /** How late the event loop ran a timer, in milliseconds. */
  readonly lagMs: number;
  /** Share of the time since the last look that the event loop had work for. */
  readonly work: number;
  /** Share of the heap in use. */
  readonly heap: number;
}

/** From which share of the time on the process, and not what it waits for, is what calls queue for. */
const WORKING = 0.5;

/**
 * Refuses calls early when there are more than the process can serve, since a call that waits in vain
 * costs as much as one that is answered. How many unary calls of a method may be under way is found out; fewer of
 * all methods when the event loop runs late. A heap that is nearly full lets in nothing new. Health checks and
 * statistics are not asked.
 */
export class OverloadGate {
  readonly #lagMs: number;
  readonly #timer: NodeJS.Timeout;
  #expectedAt = performance.now() + LOOK_EVERY_MS;
  #utilization = performance.eventLoopUtilization();
  readonly #limits: CallLimit[] = [];
  #heapIsFull = false;
  /** In which calls that were let in begin. */
  readonly turns = new CallTurns();

  /** @param lagMs from which lateness on the event loop does not keep up */
  constructor(lagMs: number) {
    this.#lagMs = lagMs;
    this.#timer = setInterval(() => this.#tick(), LOOK_EVERY_MS).unref();
  }

  /** Makes the limit of one method. */
  limit(): CallLimit {
    const limit = new CallLimit();
    this.#limits.push(limit);
    return limit;
  }

  get heapIsFull(): boolean {
    return this.#heapIsFull;
  }

  /** @throws ServiceError OVERLOADED */
  checkHeap(): void {
    if (this.#heapIsFull) throw overloaded('the memory of the server is nearly used up');
  }

  /** Takes a look into account. */
  look({ lagMs, work, heap }: Strain): void {
    this.#heapIsFull = heap > (this.#heapIsFull ? HEAP_GOOD : HEAP_FULL);
    const pace: Pace = lagMs > this.#lagMs ? 'late' : work < WORKING ? 'waiting' : 'working';
    for (const limit of this.#limits) limit.look(pace);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    const utilization = performance.eventLoopUtilization();
    const { utilization: work } = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#utilization = utilization;
    this.look({ lagMs: now - this.#expectedAt, work, heap: used / limit });
    this.#expectedAt = now + LOOK_EVERY_MS;
  }
}
