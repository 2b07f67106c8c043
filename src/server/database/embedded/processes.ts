import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from './errors.ts';

/**
 * When a process began, as the system tells it; with the pid it names a process for good, as pids are
 * used again. Opaque, to be compared only.
 *
 * @returns undefined when there is no such process, or only its unreaped remains
 */
export function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') return linuxStart(pid);
  try {
    const line = ps(pid, 'stat=,lstart=');
    return line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

/** Whether the process is there and not just unreaped; of any user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return false;
  }
  // Where the system hides other users' processes there is nothing to read, and nothing to doubt.
  return process.platform !== 'linux' || !isDead(linuxStat(pid) ?? []);
}

/** The folder a process works in, as a real path; undefined where that is not to be learnt. */
export function workingDirectory(pid: number): string | undefined {
  try {
    // Needs the same user or CAP_SYS_PTRACE, which root lacks in most containers.
    return process.platform === 'linux' ? readlinkSync(`/proc/${pid}/cwd`) : undefined;
  } catch {
    return undefined;
  }
}

/** The command line of a process, of any user; empty when there is none. */
export function commandLine(pid: number): string {
  try {
    if (process.platform !== 'linux') return ps(pid, 'command=');
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** @returns whether the process ended within the time */
export async function ended(pid: number, timeoutMs: number): Promise<boolean> {
  const start = processStart(pid);
  const deadline = performance.now() + timeoutMs;
  while (isAlive(pid) && processStart(pid) === start) {
    if (performance.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

/** Sends the signal; a process that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

/** Field 22 of proc_pid_stat(5), in clock ticks since boot, behind the boot's own id. */
function linuxStart(pid: number): string | undefined {
  const fields = linuxStat(pid);
  if (fields === undefined || isDead(fields)) return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot}:${fields[19]}`;
}

/** The fields of proc_pid_stat(5) from the third, the state, on. */
function linuxStat(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name, which may hold blanks and brackets.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Ended, but its parent has not asked for it yet. */
function isDead([state]: readonly string[]): boolean {
  return state === 'Z' || state === 'X';
}

function ps(pid: number, columns: string): string {
  return execFileSync('ps', ['-ww', '-o', columns, '-p', `${pid}`], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
