import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc in a second, which Linux fixes for programs. */
const TICKS = 100;
/** The program of a worker, as a source or bundled. */
const WORKER = /\/worker\.(ts|mjs)\0/;

/** A server process and its workers: not its PostgreSQL, and not the launcher that looks after that. */
function serving(pid: number): number[] {
  return [pid, ...childrenOf(pid).filter((child) => WORKER.test(readProc(`${child}/cmdline`)))];
}

/** Resident bytes of each of the server's processes; Linux only, empty elsewhere. */
export function residentBytes(pid: number): number[] {
  const kilobytes = serving(pid).map((one) => Number(/VmRSS:\s+(\d+) kB/.exec(readProc(`${one}/status`))?.[1] ?? 0));
  return kilobytes.filter((size) => size > 0).map((size) => size * 1024);
}

/**
 * Resident bytes of the server's processes together, each page divided by the number of processes that have it: the
 * program's text, some 55 MB, is in the resident size of each of them, and in memory once. Linux only, 0 elsewhere.
 */
export function proportionalBytes(pid: number): number {
  const kilobytes = serving(pid).map((one) =>
    Number(/^Pss:\s+(\d+) kB/m.exec(readProc(`${one}/smaps_rollup`))?.[1] ?? 0),
  );
  return kilobytes.reduce((sum, size) => sum + size, 0) * 1024;
}

/** Processor seconds the server's processes have used since their start; Linux only, 0 elsewhere. */
export function cpuSeconds(pid: number): number {
  return secondsOf(serving(pid));
}

/** The same of any program and its children. */
export function familySeconds(pid: number): number {
  return secondsOf([pid, ...childrenOf(pid)]);
}

function secondsOf(pids: readonly number[]): number {
  // utime and stime are 14 and 15 of all fields.
  return pids.reduce((sum, one) => sum + ((statOf(one)[11] ?? 0) + (statOf(one)[12] ?? 0)) / TICKS, 0);
}

function childrenOf(pid: number): number[] {
  return readProc(`${pid}/task/${pid}/children`).split(' ').map(Number).filter(Boolean);
}

/**
 * Processor seconds of a PostgreSQL server: of its processes that run, and of those that have ended.
 *
 * @param backend one of its backends
 */
export function postgresSeconds(backend: number): number {
  const server = statOf(backend)[1] ?? 0;
  const children = childrenOf(server);
  // Of the children that were waited for: cutime and cstime are 16 and 17.
  const ended = (statOf(server)[13] ?? 0) + (statOf(server)[14] ?? 0);
  const ticks = children.reduce((sum, child) => sum + (statOf(child)[11] ?? 0) + (statOf(child)[12] ?? 0), ended);
  return ticks / TICKS;
}

/** Fields of /proc/PID/stat after the program's name, which may have spaces in it: the state is the first. */
function statOf(pid: number): number[] {
  return (readProc(`${pid}/stat`).split(') ').at(-1) ?? '').split(' ').map(Number);
}

/** Nanoseconds of the processor used by all threads that a process has now; Linux only, 0 elsewhere. */
export function cpuNanoseconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce(
    (sum, thread) => sum + Number(readProc(`${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0),
    0,
  );
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8').trim();
  } catch {
    return '';
  }
}
