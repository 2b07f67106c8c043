import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc in a second, which Linux fixes for programs. */
const TICKS = 100;

/** A server process and its workers: not its PostgreSQL, and not the launcher that looks after that. */
function serving(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`).split(' ').map(Number).filter(Boolean);
  return [pid, ...children.filter((child) => readProc(`${child}/cmdline`).includes('workers/worker.ts'))];
}

/** Resident bytes of each of the server's processes; Linux only, empty elsewhere. */
export function residentBytes(pid: number): number[] {
  const kilobytes = serving(pid).map((one) => Number(/VmRSS:\s+(\d+) kB/.exec(readProc(`${one}/status`))?.[1] ?? 0));
  return kilobytes.filter((size) => size > 0).map((size) => size * 1024);
}

/** Processor seconds the server's processes have used since their start; Linux only, 0 elsewhere. */
export function cpuSeconds(pid: number): number {
  return serving(pid).reduce((sum, one) => {
    // Fields after the program's name, which may have spaces in it: utime and stime are 14 and 15.
    const fields = readProc(`${one}/stat`).split(') ').at(-1)?.split(' ') ?? [];
    return sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
  }, 0);
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
