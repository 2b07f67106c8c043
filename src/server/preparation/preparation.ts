import { type ChildProcess, fork } from 'node:child_process';
import type { Config } from '../config.ts';
import { StartError } from '../foreseen.ts';
import { programBeside, programEnvironment } from '../programs.ts';
import type { Logging } from '../telemetry/logger.ts';
import type { FromPreparation, ToPreparation } from './messages.ts';

const PROGRAM = programBeside(import.meta, { source: 'program.ts', bundle: 'preparation.mjs' });

/**
 * Prepares the database in a process that ends then. The ORM with its migrations, which a server needs for nothing
 * else until somebody changes a key, would stay in its memory. The program is loaded while PostgreSQL starts.
 */
export class Preparation {
  readonly #child: ChildProcess;
  readonly #log: Logging['log'];
  /** Rejects when it has ended, which may be before it was asked for anything. */
  readonly #ended: Promise<never>;

  constructor(log: Logging['log']) {
    this.#log = log;
    // Debuggers and the size of the heap are meant for this process.
    const child = fork(PROGRAM, { execArgv: [], env: programEnvironment(PROGRAM), serialization: 'advanced' });
    this.#child = child;
    this.#ended = new Promise((_, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`preparing the database ended (${signal ?? code})`)));
    });
    // Nobody is told of it unless it is asked for something.
    this.#ended.catch(() => {});
  }

  /** @throws Error with what could not be done; StartError where that can be expected */
  run(config: Config, databaseUrl: string): Promise<void> {
    const child = this.#child;
    const done = new Promise<void>((resolve, reject) => {
      child.on('message', (message: FromPreparation) => {
        if (message.kind === 'notice') this.#log[message.level](message.text);
        else if (message.kind === 'done') resolve();
        else reject(new (message.foreseen ? StartError : Error)(message.message));
      });
    });
    // Where it cannot be sent the program has ended, or is about to.
    child.send({ config, databaseUrl } satisfies ToPreparation, () => {});
    return Promise.race([done, this.#ended]);
  }

  /** Ends it where it is not done. */
  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}
