import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './errors.ts';
import { lastLines, logSince, logSize } from './log-tail.ts';
import { ping, urlOf } from './ping.ts';
import { controlState, findPostmaster, IN_CRASH_RECOVERY, type Postmaster } from './postmaster.ts';
import type { Prepared } from './prepare.ts';
import { shutDown } from './shut-down.ts';
import { start } from './start.ts';

/** A PostgreSQL that answers. */
export interface Running {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  /** It was there already. */
  readonly adopted: boolean;
  /** It had to replay its log first. */
  readonly recovered: boolean;
}

export interface BringUpOptions {
  readonly maxConnections: number;
  readonly timeoutMs: number;
  /** The port to come back on; any free one when left out. */
  readonly port?: number;
}

/**
 * Adopts the PostgreSQL of the data directory, or starts it, and returns when it answers. Whatever a killed
 * predecessor left (a stale pid file, dying children, a shutdown under way, a recovery) is waited out.
 *
 * @throws EmbeddedPostgresError `start_timeout`, or at once for what waiting does not mend
 */
export async function bringUp(prepared: Prepared, options: BringUpOptions): Promise<Running> {
  const { layout } = prepared;
  const deadline = performance.now() + options.timeoutMs;
  const from = logSize(layout.logFile);
  let found: Postmaster | undefined;
  let recovered = false;
  do {
    found = findPostmaster(layout);
    recovered ||= found?.state === 'starting' && controlState(layout) === IN_CRASH_RECOVERY;
    const running = found ? await adopt(prepared, found, options, deadline) : await start(prepared, options, deadline);
    if (running !== undefined) return { ...running, recovered: recovered || running.recovered };
    await sleep(20);
  } while (performance.now() < deadline);
  throw new EmbeddedPostgresError(
    'start_timeout',
    `PostgreSQL did not answer within ${options.timeoutMs / 1000} s${found ? ` (pid ${found.pid}, ${found.state})` : ''}. ` +
      'It was left as it is: start again to go on waiting, or end it with "memory-hub stop". ' +
      `The end of ${layout.logFile}:\n${lastLines(logSince(layout.logFile, from) || logSince(layout.logFile, 0))}`,
  );
}

/** @returns undefined when it does not answer yet, or was shut down because it allows too few connections */
async function adopt(
  { layout, password }: Prepared,
  { pid, port, state }: Postmaster,
  { maxConnections }: BringUpOptions,
  deadline: number,
): Promise<Running | undefined> {
  if (state !== 'ready') return undefined;
  const url = urlOf(port, password);
  const allowed = await ping(url, Math.max(deadline - performance.now(), 1)).catch((error: Error) => {
    throw new EmbeddedPostgresError(
      'start_failed',
      `The PostgreSQL of ${layout.dataDir} (pid ${pid}) refuses us: ${error.message}. Does ${layout.passwordFile} belong to it?`,
      { cause: error },
    );
  });
  if (allowed === undefined) return undefined;
  if (allowed >= maxConnections) return { pid, port, url, adopted: true, recovered: false };
  await shutDown(layout, pid);
  return undefined;
}
