import { execFileSync } from 'node:child_process';

/** A process and all below it. */
function family(pid: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const parents = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const found = [pid];
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found;
}

/** SIGSTOP to a process and its children: they keep their connections and answer nothing. @returns ends it */
export function freeze(pid: number): () => void {
  const stopped = family(pid);
  for (const each of stopped) signal(each, 'SIGSTOP');
  return () => {
    for (const each of stopped) signal(each, 'SIGCONT');
  };
}

/** Resident memory, in bytes. */
export function residentBytes(pid: number | undefined): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' })) * 1024;
}

/** A child that ended meanwhile is no error. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Ended.
  }
}
