/** pino-roll has no types of its own; these are the options used here. */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events';

  interface RollOptions {
    readonly file: string;
    readonly frequency: 'daily' | 'hourly';
    /** For instance "100m". */
    readonly size: string;
    /** Files kept besides the one written to. */
    readonly limit: { readonly count: number };
    readonly mkdir: boolean;
    readonly sync: boolean;
  }

  interface RollingFile extends EventEmitter {
    write(line: string): boolean;
    end(): void;
  }

  function roll(options: RollOptions): Promise<RollingFile>;
  export = roll;
}
