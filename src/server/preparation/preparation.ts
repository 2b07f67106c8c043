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

  constructor(log: Logging['log']) {
    this.#log = log;
    // Debuggers and the size of the heap are meant for this process.
    this.#child = fork(PROGRAM, { execArgv: [], env: programEnvironment(), serialization: 'advanced' });
  }

  /** @throws Error with what could not be done; StartError where that can be expected */
  run(config: Config, databaseUrl: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = this.#child;
      child.on('message', (message: FromPreparation) => {
        if (message.kind === 'notice') this.#log[message.level](message.text);
        else if (message.kind === 'done') resolve();
        else reject(new (message.foreseen ? StartError : Error)(message.message));
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`preparing the database ended (${signal ?? code})`)));
      child.send({ config, databaseUrl } satisfies ToPreparation, (error) => error && reject(error));
    });
  }

  /** Ends it where it is not done. */
  close(): void {
    if (this.#child.connected) this.#child.disconnect();
  }
}
