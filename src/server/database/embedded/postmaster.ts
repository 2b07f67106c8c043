import { closeSync, openSync, readFileSync, readSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from './errors.ts';
import type { Layout } from './layout.ts';
import { isPostgresIn } from './processes.ts';

/** A living PostgreSQL of a data directory. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly state: 'starting' | 'ready' | 'stopping';
}

/**
 * Reads `postmaster.pid` (lines: pid, directory, start, port, socket, address, memory, state) and checks
 * that the process really is this directory's PostgreSQL.
 */
export function findPostmaster(layout: Layout): Postmaster | undefined {
  let lines: string[];
  let folder: string;
  try {
    lines = readFileSync(layout.pidFile, 'utf8').split('\n');
    folder = realpathSync(layout.data);
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !isPostgresIn(pid, folder)) return undefined;
  const word = lines[7]?.trim();
  const state = word === 'ready' || word === 'stopping' ? word : 'starting';
  return { pid, port: Number(lines[3]), state };
}

/**
 * Removes what a dead postmaster left. PostgreSQL would do so itself, but not while its pid is used
 * again by another process or is not reaped yet. That its children may still be alive is checked
 * elsewhere, by the shared memory that belongs to the directory.
 */
export function removeStalePidFile(layout: Layout): void {
  if (findPostmaster(layout) === undefined) rmSync(layout.pidFile, { force: true });
}

/** The major version that made the data, undefined when there is none. @throws when it cannot be read */
export function dataMajor(layout: Layout): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(layout.data, 'PG_VERSION'), 'utf8'), 10);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** `state` of pg_control: what PostgreSQL was last doing. The others are shutdowns and recoveries of kinds. */
export const CLEANLY_SHUT_DOWN = 1;
export const IN_CRASH_RECOVERY = 4;

/** Reads the state out of pg_control, where it has stood at byte 16 in every version since 8.3. */
export function controlState(layout: Layout): number {
  const state = Buffer.alloc(4);
  const file = openSync(join(layout.data, 'global', 'pg_control'), 'r');
  try {
    readSync(file, state, 0, 4, 16);
  } finally {
    closeSync(file);
  }
  return state.readUInt32LE();
}
