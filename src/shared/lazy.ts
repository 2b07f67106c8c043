/**
 * Made when it is first asked for, and then kept. After a failure it is made anew for whoever asks next: there may
 * have been too many open files at that moment.
 */
export class Lazy<T> {
  readonly #make: () => Promise<T>;
  #made: Promise<T> | undefined;

  constructor(make: () => Promise<T>) {
    this.#make = make;
  }

  get(): Promise<T> {
    this.#made ??= this.#make().catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  /** Undefined when nobody has asked for it. */
  get begun(): Promise<T> | undefined {
    return this.#made;
  }
}
