/** Bytes a place takes. */
const PLACE_BYTES = 4;
/** Digits of an id that its place is found by: of the last ones of a UUID all are random, or a hash. */
const DIGITS = 8;

/**
 * Which ids were asked for lately and not there, so that a full cache keeps what is asked for twice: what is never asked
 * for again would cost its keeping and push out what is. It is 2Q's A1out (Johnson and Shasha, 1994), approximately: a
 * table without chains, in which a later id takes the place of an earlier one every other time: if it always did, two
 * of one place that are asked for in turn would keep each other out for good.
 */
export class RecentMisses {
  readonly #places: Int32Array;

  /** @param maxBytes of the table; half of that at least is used */
  constructor(maxBytes: number) {
    this.#places = new Int32Array(2 ** Math.floor(Math.log2(Math.max(PLACE_BYTES, maxBytes) / PLACE_BYTES)));
  }

  /** Whether this id was asked for lately; from now on it was, most likely. */
  again(id: string): boolean {
    const mark = Number.parseInt(id.slice(-DIGITS), 16) | 0;
    const place = mark & (this.#places.length - 1);
    if (this.#places[place] === mark) return true;
    if (this.#places[place] === 0 || Math.random() < 0.5) this.#places[place] = mark;
    return false;
  }
}
