import type { LIMITS, LimitName } from '../../../shared/limits.ts';
import { type FieldViolation, invalidFields } from '../errors.ts';

/** Named in one refusal; a batch of a thousand bad items would not fit into an error's details. */
const MAX_NAMED = 20;

/** Collects everything that is wrong with a request, so that it is refused once and completely. */
export class Violations {
  readonly #named: FieldViolation[] = [];
  #count = 0;
  #place = '';
  /** Whether anything is wrong that was wrong from the first. */
  #lasting = false;

  /**
   * Whose fields are named from here on: of a message within the request, or of the request itself again. Their
   * paths are put together only for a refusal.
   */
  at(place: string): void {
    this.#place = place;
  }

  /** @param description a sentence with limit and value, never the caller's text */
  add(field: string, description: string): void {
    this.#lasting = true;
    this.#name(field, description);
  }

  /** As add, for what was right until some time has passed: the request may have been done before that. */
  addLapsed(field: string, description: string): void {
    this.#name(field, description);
  }

  #name(name: string, description: string): void {
    this.#count += 1;
    if (this.#named.length >= MAX_NAMED) return;
    this.#named.push({ field: this.#place === '' ? name : `${this.#place}.${name}`, description });
  }

  /** Refuses a value outside its limit, naming both. @returns whether it is inside */
  within(field: string, value: number, limit: (typeof LIMITS)[LimitName]): boolean {
    if (value > limit.max) this.add(field, `is ${value} ${limit.unit}; at most ${limit.max} are allowed`);
    else if (value < limit.min) this.add(field, `is ${value} ${limit.unit}; at least ${limit.min} are needed`);
    else return true;
    return false;
  }

  get none(): boolean {
    return this.#named.length === 0;
  }

  /** Whether only time made the request wrong. */
  get onlyLapsed(): boolean {
    return !this.none && !this.#lasting;
  }

  /** @throws ServiceError INVALID_FIELD when anything was found */
  check(): void {
    if (!this.none) throw invalidFields(this.#named, this.#count);
  }
}
