import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findServer, type ServerRecord } from './claim.ts';
import { EmbeddedPostgresError, needingPermission } from './errors.ts';
import { type Layout, layoutOf } from './layout.ts';
import { ping, urlOf } from './ping.ts';
import { dataMajor, findPostmaster, type Postmaster } from './postmaster.ts';
import { ended, signal } from './processes.ts';
import { shutDown } from './shut-down.ts';

const PING_MS = 2_000;
/** A server drains for at most 30 s, then stops its PostgreSQL. */
const SERVER_STOP_MS = 60_000;

/** What runs on a data directory, and what lies in it. */
export interface DataDirStatus {
  readonly dataDir: string;
  readonly server?: Pick<ServerRecord, 'pid' | 'address' | 'tls' | 'version' | 'since'>;
  readonly postgres?: Postmaster & { readonly answers: boolean };
  /** Major version of PostgreSQL that the database belongs to; absent when there is none. */
  readonly postgresMajor?: number;
  /** All files together; undefined when some belong to another user. */
  readonly sizeBytes: number | undefined;
}

/** Looks at a data directory without changing anything; it need not be there. */
export async function dataDirStatus(dataDir: string): Promise<DataDirStatus> {
  const layout = layoutOf(dataDir);
  const server = findServer(dataDir);
  const postgres = findPostmaster(layout);
  const major = needingPermission(`The database in ${layout.data} belongs to another user`, () => dataMajor(layout));
  return {
    dataDir: layout.dataDir,
    ...(server && { server }),
    ...(postgres && { postgres: { ...postgres, answers: await answers(layout, postgres.port) } }),
    ...(major !== undefined && { postgresMajor: major }),
    sizeBytes: sizeOf(layout.dataDir),
  };
}

/**
 * Ends what runs on a data directory: the server, which drains and stops its PostgreSQL, then a PostgreSQL
 * that is still there.
 *
 * @returns the pids of what was ended
 * @throws EmbeddedPostgresError `still_running`, or `no_permission` for another user's processes
 */
export async function stopLeftBehind(
  dataDir: string,
  serverStopMs = SERVER_STOP_MS,
): Promise<{ readonly server?: number; readonly postgres?: number }> {
  const layout = layoutOf(dataDir);
  const server = findServer(dataDir)?.pid;
  const postgres = findPostmaster(layout)?.pid;
  if (server !== undefined) {
    needingPermission(`The server with pid ${server} cannot be ended by this user`, () => signal(server, 'SIGTERM'));
    if (!(await ended(server, serverStopMs))) {
      throw new EmbeddedPostgresError(
        'still_running',
        `The server with pid ${server} was asked to end ${serverStopMs / 1000} s ago and still runs. ` +
          `If it hangs, "kill -9 ${server}" loses nothing that was acknowledged; then run "memory-hub stop" again.`,
      );
    }
  }
  const left = findPostmaster(layout)?.pid;
  if (left !== undefined) await shutDown(layout, left);
  const last = left ?? postgres;
  return { ...(server !== undefined && { server }), ...(last !== undefined && { postgres: last }) };
}

async function answers(layout: Layout, port: number): Promise<boolean> {
  try {
    return (await ping(urlOf(port, readFileSync(layout.passwordFile, 'utf8')), PING_MS)) !== undefined;
  } catch {
    return false;
  }
}

function sizeOf(folder: string): number | undefined {
  let sum = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
      if (entry.isFile()) sum += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return sum;
  } catch {
    return undefined;
  }
}
