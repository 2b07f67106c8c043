import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { SERVER_FLAGS } from './server.ts';

/** A program of this folder that serves. */
export interface Child {
  readonly address: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a floor and waits for the address it prints.
 *
 * @param flags of Node.js; unless told otherwise those of our server
 * @throws Error when it ends instead
 */
export async function startFloor(
  file: string,
  args: readonly string[],
  flags: readonly string[] = SERVER_FLAGS,
): Promise<Child> {
  const child = spawn(process.execPath, [...flags, file, ...args], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  for await (const address of createInterface({ input: child.stdout })) {
    return { address, pid: child.pid ?? 0, stop };
  }
  throw new Error(`${file} ended before it served`);
}
