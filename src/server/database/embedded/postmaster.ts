import { closeSync, openSync, readFileSync, readSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from './errors.ts';
import type { Layout } from './layout.ts';
import { commandLine, isAlive, workingDirectory } from './processes.ts';

/** A living PostgreSQL of a data directory. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly state: 'starting' | 'ready' | 'stopping';
}

/**
 * Names the data directory on the command line: for people who look at a list of processes, and for us where
 * a process' working directory cannot be read. PostgreSQL takes any setting with a dot in its name.
 */
export const DIRECTORY_SETTING = 'memoryhub.data_directory';

/** Whether the process in `postmaster.pid` is this directory's PostgreSQL; `perhaps` after the directory was moved. */
type Verdict = 'it is' | 'it is not' | 'perhaps';

/**
 * Reads `postmaster.pid` (lines: pid, directory, start, port, socket, address, memory, state) and checks
 * that the process really is this directory's PostgreSQL.
 */
export function findPostmaster(layout: Layout): Postmaster | undefined {
  const lines = readPidFile(layout);
  const pid = Number(lines?.[0]);
  if (lines === undefined || identify(pid, layout) !== 'it is') return undefined;
  const word = lines[7]?.trim();
  const state = word === 'ready' || word === 'stopping' ? word : 'starting';
  return { pid, port: Number(lines[3]), state };
}

/**
 * Removes what a dead postmaster left. PostgreSQL would do so itself, but not while its pid is used again by
 * another process of the same user, or is not reaped yet. That its children may still be alive PostgreSQL
 * finds by the shared memory that belongs to the directory.
 */
export function removeStalePidFile(layout: Layout): void {
  const lines = readPidFile(layout);
  if (lines !== undefined && identify(Number(lines[0]), layout) === 'it is not')
    rmSync(layout.pidFile, { force: true });
}

function readPidFile(layout: Layout): string[] | undefined {
  try {
    return readFileSync(layout.pidFile, 'utf8').split('\n');
  } catch {
    return undefined;
  }
}

function identify(pid: number, layout: Layout): Verdict {
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid)) return 'it is not';
  const folder = realpathSync(layout.data);
  // PostgreSQL makes its data directory its working directory and stays there.
  const directory = workingDirectory(pid);
  if (directory !== undefined) return directory === folder ? 'it is' : 'it is not';
  const command = commandLine(pid);
  if (command.includes(`${DIRECTORY_SETTING}=${folder} `)) return 'it is';
  return command.includes(DIRECTORY_SETTING) ? 'perhaps' : 'it is not';
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
