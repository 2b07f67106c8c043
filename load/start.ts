/**
 * How long it takes until there is something to see: `npm start` until health says SERVING, of a data directory that is
 * there, and the monitor until its first frame of a running server, in a terminal that `script` (util-linux) makes.
 *
 *   node load/start.ts [--rounds 7]
 *
 * The first start makes the database and the bundle, and is shown apart.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { serverHealth } from '../src/cli/health.ts';
import { quantile } from './alternate.ts';
import { describeRun } from './report.ts';
import { readAddress } from './server.ts';

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } });
const ROOT = join(import.meta.dirname, '..');
const DEADLINE_MS = 60_000;
/** A heading of the table of methods. */
const FRAME = 'p95';

const dataDir = mkdtempSync(join(tmpdir(), 'memory-hub-start-'));
const env = { ...process.env, MEMORYHUB_DATA_DIR: dataDir, MEMORYHUB_LISTEN: '127.0.0.1:0', LOG_LEVEL: 'warn' };
const serving: number[] = [];
const framed: number[] = [];
try {
  for (let round = 0; round <= Number(flags.rounds); round++) {
    const startedAt = performance.now();
    const server = spawn('npm', ['start'], { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'inherit'], detached: true });
    const exited = new Promise((resolve) => server.once('exit', resolve));
    try {
      const address = await untilServing();
      serving.push(performance.now() - startedAt);
      framed.push(await firstFrame(address));
    } finally {
      process.kill(-(server.pid ?? 0), 'SIGTERM');
      await exited;
    }
  }
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
console.log(`${Object.values(describeRun()).join('; ')}\n`);
console.log('| what | first ms | least ms | median ms | most ms | goal ms |\n|---|---|---|---|---|---|');
console.log(line('npm start to SERVING', serving, 3_000));
console.log(line('monitor to its first frame', framed, 500));

async function untilServing(): Promise<string> {
  for (const deadline = Date.now() + DEADLINE_MS; Date.now() < deadline; await sleep(10)) {
    const address = readAddress(dataDir);
    if (address && (await serverHealth(address)) === 'SERVING') return address;
  }
  throw new Error('the server did not start');
}

async function firstFrame(address: string): Promise<number> {
  const startedAt = performance.now();
  const command = `stty cols 100 rows 30; exec '${process.execPath}' src/cli/memory-hub.js monitor --address ${address}`;
  const monitor = spawn('script', ['-qec', command, '/dev/null'], {
    cwd: ROOT,
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => monitor.once('exit', resolve));
  let shown = '';
  const took = await new Promise<number>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the monitor showed no frame: ${shown}`)), DEADLINE_MS);
    monitor.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (!shown.includes(FRAME)) return;
      clearTimeout(late);
      resolve(performance.now() - startedAt);
    });
  });
  monitor.stdin.write('q');
  await exited;
  return took;
}

function line(title: string, [first = Number.NaN, ...warm]: readonly number[], goal: number): string {
  const of = (share: number) => Math.round(quantile(warm, share));
  return `| ${title} | ${Math.round(first)} | ${of(0)} | ${of(0.5)} | ${of(1)} | ${goal} |`;
}
