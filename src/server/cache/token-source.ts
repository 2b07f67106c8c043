import { randomBytes } from 'node:crypto';

/** Tokens of reads and writes: unique among all processes, short, cheap. */
export class TokenSource {
  /** 72 random bits tell processes apart. */
  readonly #process = randomBytes(9).toString('base64url');
  #count = 0;

  next(): string {
    return `${this.#process}.${(this.#count++).toString(36)}`;
  }
}
