import { joinSlots } from './join.ts';
import type { Slot } from './slot.ts';

/**
 * What several servers did in one stretch, as one slot. Joined when somebody looks: of fifteen minutes
 * in memory a screen shows one, and of servers looked at one by one nothing is joined at all.
 */
export class JoinedSlot implements Slot {
  readonly endMs: number;
  readonly coveredMs: number;
  readonly #parts: readonly Slot[];
  #whole: Slot | undefined;

  /** @param parts one of each server, at least one */
  constructor(parts: readonly Slot[], endMs: number, stepMs: number) {
    this.#parts = parts;
    this.endMs = endMs;
    const longestMs = Math.max(...parts.map(({ coveredMs }) => coveredMs));
    this.coveredMs = Math.abs(longestMs - stepMs) < stepMs / 2 ? stepMs : longestMs;
  }

  /** Sizes are asked of every slot of the history to find the few that have them. */
  get tables(): Slot['tables'] {
    return this.#parts.findLast(({ tables }) => tables.length > 0)?.tables ?? [];
  }

  get sequence(): number {
    return this.#joined().sequence;
  }

  get merged(): number {
    return this.#joined().merged;
  }

  get bootId(): string {
    return this.#joined().bootId;
  }

  get bootMs(): number {
    return this.#joined().bootMs;
  }

  get replica(): string {
    return this.#joined().replica;
  }

  get replicas(): number {
    return this.#joined().replicas;
  }

  get version(): string {
    return this.#joined().version;
  }

  get methods(): Slot['methods'] {
    return this.#joined().methods;
  }

  get gauges(): Slot['gauges'] {
    return this.#joined().gauges;
  }

  get clients(): Slot['clients'] {
    return this.#joined().clients;
  }

  get statements(): Slot['statements'] {
    return this.#joined().statements;
  }

  get events(): Slot['events'] {
    return this.#joined().events;
  }

  #joined(): Slot {
    this.#whole ??= this.#parts.reduce(joinSlots);
    return this.#whole;
  }
}
