import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '..');

/** A server to put under load. */
export interface Target {
  readonly address: string;
  readonly credential: string;
  /** Largest resident memory seen of all its processes but PostgreSQL's, in bytes; 0 for a server that is not ours. */
  peakRssBytes(): number;
  stop(): Promise<void>;
}

/** Starts a server of its own: embedded PostgreSQL in a temporary folder, a free port, real fsync. */
export async function startServer(): Promise<Target> {
  const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-load-'));
  const server = spawn(process.execPath, ['src/cli/memory-hub.js', 'serve'], {
    cwd: ROOT,
    env: { ...process.env, MEMORYHUB_DATA_DIR: dataDir, MEMORYHUB_LISTEN: '127.0.0.1:0', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let exited = false;
  const exit = new Promise<void>((resolve) => {
    server.once('exit', () => {
      exited = true;
      resolve();
    });
  });
  let peak = 0;
  const sampler = setInterval(() => {
    peak = Math.max(peak, residentBytes(server.pid ?? 0));
  }, 250);
  const stop = async () => {
    clearInterval(sampler);
    server.kill('SIGTERM');
    await exit;
    rmSync(dataDir, { recursive: true, force: true });
  };
  const deadline = Date.now() + 60_000;
  while (!exited && Date.now() < deadline) {
    const address = readAddress(dataDir);
    if (address) {
      const credential = readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
      return { address, credential, peakRssBytes: () => peak, stop };
    }
    await sleep(50);
  }
  await stop();
  throw new Error('the server did not start; what it said is above');
}

/** Writes the call metadata where ghz reads it, so that no secret stands in its arguments. */
export function writeMetadataFile(target: Target): string {
  const path = join(mkdtempSync(join(tmpdir(), 'memory-hub-ghz-')), 'metadata.json');
  writeFileSync(path, JSON.stringify({ authorization: `Bearer ${target.credential}` }), { mode: 0o600 });
  return path;
}

function readAddress(dataDir: string): string | undefined {
  try {
    const { address } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { address: string };
    // Until it listens, the record has the port that was asked for: 0.
    return address.endsWith(':0') ? undefined : address;
  } catch {
    return undefined;
  }
}

/** Resident bytes of the process and its workers; Linux only, 0 elsewhere. */
function residentBytes(pid: number): number {
  try {
    const own = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    const workers = children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('memory-hub'));
    return workers.reduce((sum, child) => sum + residentBytes(Number(child)), own);
  } catch {
    return 0;
  }
}
