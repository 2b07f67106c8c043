import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BringUpOptions, Running } from './bring-up.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { launch, type Outcome } from './launch.ts';
import { lastLines, logSince, logSize } from './log-tail.ts';
import { ping, urlOf } from './ping.ts';
import { CLEANLY_SHUT_DOWN, controlState, dataMajor, findPostmaster, removeStalePidFile } from './postmaster.ts';
import type { Prepared } from './prepare.ts';
import { initdbProgram, postgresProgram } from './programs.ts';

const LOG_BYTES = 8 * 1024 * 1024;
const LOG_CHECK_MS = 10_000;

/** What PostgreSQL says when another program was faster to the port, or a dead postmaster's children still end. */
const WORTH_ANOTHER_TRY = /could not bind|pre-existing shared memory block|lock file "postmaster\.pid" already exists/;

/**
 * Starts PostgreSQL, after initdb when there is no database yet.
 *
 * @param deadline on the clock of performance.now()
 * @returns undefined when it is worth another try, or the time is over
 */
export async function start(
  prepared: Prepared,
  { maxConnections, port = 0 }: Pick<BringUpOptions, 'maxConnections' | 'port'>,
  deadline: number,
): Promise<Running | undefined> {
  const { layout, password } = prepared;
  removeStalePidFile(layout);
  const isNew = dataMajor(layout) === undefined;
  const recovered = !isNew && controlState(layout) !== CLEANLY_SHUT_DOWN;
  const chosen = port || (await freePort());
  const url = urlOf(chosen, password);
  const from = logSize(layout.logFile);
  const launched = launch({
    ...(isNew && { initdb: initdbProgram(prepared) }),
    postgres: postgresProgram(prepared, chosen, maxConnections),
    logFile: layout.logFile,
    logBytes: LOG_BYTES,
    logCheckMs: LOG_CHECK_MS,
  });
  try {
    const outcome = await launched.started;
    while (outcome.kind === 'started' && launched.over() === undefined) {
      const found = findPostmaster(layout);
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      if (found?.pid === outcome.pid && found.state === 'ready' && (await ping(url, left)) !== undefined) {
        return { pid: outcome.pid, port: chosen, url, adopted: false, recovered };
      }
      await sleep(5);
    }
    const said = logSince(layout.logFile, from);
    if (WORTH_ANOTHER_TRY.test(said)) return undefined;
    throw failure(prepared, launched.over() ?? outcome, said);
  } finally {
    launched.detach();
  }
}

function failure({ layout, binaries, user }: Prepared, outcome: Outcome, said: string): EmbeddedPostgresError {
  const name = outcome.kind === 'initdb_failed' ? 'initdb, which makes the database,' : 'PostgreSQL';
  const how =
    outcome.kind === 'started' || outcome.error !== undefined
      ? `could not be started from ${binaries.native}/bin: ${outcome.kind === 'started' ? 'it is gone' : outcome.error}`
      : outcome.signal !== null
        ? `was ended by ${outcome.signal}`
        : `ended with code ${outcome.code}`;
  const denied = /permission denied/i.test(said);
  return new EmbeddedPostgresError(
    denied ? 'no_permission' : outcome.kind === 'initdb_failed' ? 'initdb_failed' : 'start_failed',
    `${name} ${how}${user ? ` (as ${user.name})` : ''}. The end of ${layout.logFile}:\n${lastLines(said)}`,
  );
}

/** A port nobody listens on now. Somebody may a moment later: then another one is tried. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}
