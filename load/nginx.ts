import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts } from './accepts.ts';
import { freePort } from './floors/free-port.ts';

const CONFIGURATION = new URL('../deploy/nginx.conf', import.meta.url);

/** nginx with the configuration of deploy/, only its ports are others. */
export interface Nginx {
  readonly address: string;
  readonly pid: number;
  /** What it complained of so far. */
  output(): string;
  stop(): Promise<void>;
}

/** nginx on PATH, or where Debian puts it, which is on root's PATH only; undefined: there is none. */
export function findNginx(): string | undefined {
  return ['nginx', '/usr/sbin/nginx'].find((program) => spawnSync(program, ['-v']).status === 0);
}

/**
 * Starts it in front of two servers.
 *
 * @throws Error with what it said when it does not listen
 */
export async function startNginx(program: string, [first = '', second = '']: readonly string[]): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-nginx-'));
  const address = `127.0.0.1:${await freePort()}`;
  const text = readFileSync(CONFIGURATION, 'utf8')
    .replaceAll('127.0.0.1:50050', address)
    .replace('127.0.0.1:50051', first)
    .replace('127.0.0.1:50052', second);
  const path = join(folder, 'nginx.conf');
  writeFileSync(path, text);
  // Its start-up complains in the log of the system unless it is told another first of all.
  const child = spawn(program, ['-p', folder, '-c', path, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece;
  });
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + 10_000;
  while (child.exitCode === null && Date.now() < deadline) {
    if (await accepts(address)) return { address, pid: child.pid ?? 0, output: () => said, stop };
    await sleep(20);
  }
  await stop();
  throw new Error(`nginx does not listen:\n${said}`);
}
