import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../../shared/package-root.ts';
import { needingPermission } from './errors.ts';

const LAUNCHER = join(PACKAGE_ROOT, 'src/server/database/embedded/launcher.js');

/** A program for the launcher to run. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** As whom; empty for the launcher's own user. */
  readonly user: { readonly uid?: number; readonly gid?: number };
}

/** What the launcher is to do. */
export interface Job {
  /** Absent when there is a database; its `cwd` is renamed to that of `postgres` when it is complete. */
  readonly initdb?: Program;
  readonly postgres: Program;
  readonly logFile: string;
  /** Size at which the log is moved to `.1`. */
  readonly logBytes: number;
  readonly logCheckMs: number;
}

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  /** It could not even be started. */
  readonly error?: string;
}

/** What the launcher tells, in this order; `started` is left out when there is no postgres to start. */
export type Outcome =
  | ({ readonly kind: 'initdb_failed' } & End)
  | { readonly kind: 'started'; readonly pid: number }
  | ({ readonly kind: 'ended' } & End);

/** A launcher at work. */
export interface Launch {
  /** The postmaster's pid, or how it came that there is none. */
  readonly started: Promise<Outcome>;
  /** How it ended, as long as this process has not let go of it. */
  readonly over: () => Outcome | undefined;
  /** Lets the launcher go on alone, also when this process ends. */
  detach(): void;
}

/** Starts a launcher, in a session of its own, and gives it the job. @throws EmbeddedPostgresError `no_permission` */
export function launch(job: Job): Launch {
  const log = needingPermission(`The log ${job.logFile} cannot be written`, () => openSync(job.logFile, 'a', 0o600));
  const launcher = spawn(process.execPath, [LAUNCHER], {
    detached: true,
    cwd: '/',
    // Nothing of ours: debuggers and coverage in NODE_OPTIONS are meant for this process.
    env: { PATH: process.env.PATH },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);

  let over: Outcome | undefined;
  const started = new Promise<Outcome>((resolve) => {
    const end = (outcome: Outcome) => {
      over ??= outcome;
      resolve(outcome);
    };
    launcher.on('message', (message) => {
      const outcome = message as Outcome;
      if (outcome.kind === 'started') resolve(outcome);
      else end(outcome);
    });
    launcher.once('error', (error) => end({ kind: 'ended', code: null, signal: null, error: error.message }));
    launcher.once('exit', (code, signal) => end({ kind: 'ended', code, signal, error: 'the launcher ended' }));
  });
  launcher.send(job, () => {});
  return {
    started,
    over: () => over,
    detach: () => {
      if (launcher.connected) launcher.disconnect();
      launcher.unref();
    },
  };
}
