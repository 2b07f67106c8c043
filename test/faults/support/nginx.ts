import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from '../../support/find-program.ts';
import { freePort } from './cluster.ts';

const CONFIGURATION = new URL('../../../deploy/nginx.conf', import.meta.url);

/** nginx on PATH, or where Debian puts it; undefined: there is none. */
export function findNginx(): string | undefined {
  return findProgram(['nginx'], ['/usr/sbin']);
}

/** nginx with the configuration of deploy/, only its ports are others. */
export class Nginx {
  readonly #folder = mkdtempSync(join(tmpdir(), 'memory-hub-nginx-'));
  #child: ChildProcess | undefined;
  #output = '';
  address = '';

  /** What it complained of. */
  get output(): string {
    return this.#output;
  }

  /** @param servers two of them */
  async start(program: string, servers: readonly string[]): Promise<void> {
    const [first = '', second = ''] = servers;
    this.address = `127.0.0.1:${await freePort()}`;
    const text = readFileSync(CONFIGURATION, 'utf8')
      .replaceAll('127.0.0.1:50050', this.address)
      .replace('127.0.0.1:50051', first)
      .replace('127.0.0.1:50052', second);
    const path = join(this.#folder, 'nginx.conf');
    writeFileSync(path, text);
    // Its start-up complains in the log of the system unless it is told another first of all.
    const child = spawn(program, ['-p', this.#folder, '-c', path, '-e', 'stderr'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (said: string) => {
      this.#output += said;
    });
    this.#child = child;
    const deadline = Date.now() + 10_000;
    while (child.exitCode === null && Date.now() < deadline) {
      if (await accepts(this.address)) return;
      await sleep(20);
    }
    throw new Error(`nginx does not listen:\n${this.#output}`);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function accepts(address: string): Promise<boolean> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => {
      socket.destroy();
      resolve(true);
    }).once('error', () => resolve(false));
  });
}
