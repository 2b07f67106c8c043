import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CHECK_NAMES } from '../../src/cli/doctor/names.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { expectBad, leftBehind, patient, type Report } from '../support/doctor.ts';
import { cleanEnvironment, PROGRAM, runCommand, ServerProcess } from '../support/server-process.ts';
import { withWritesLocked } from '../support/writes-locked.ts';

const bench = patient(CHECK_NAMES);

/** Keeps fifty megabytes of each batch for ever. */
const LEAK = `
import { EventEmitter } from 'node:events';
const { emit } = EventEmitter.prototype;
const kept = [];
EventEmitter.prototype.emit = function (name, ...rest) {
  if (name === 'stream' && rest[1]?.[':path']?.endsWith('/BatchSaveMemories')) kept.push(Buffer.alloc(50 << 20, 1));
  return emit.call(this, name, ...rest);
};
`;

async function savesOf(operator: MemoryHub): Promise<number> {
  const { totals } = await operator.stats.getStats({});
  return Number(totals?.methods.find(({ method }) => method.endsWith('/SaveMemory'))?.completed ?? 0n);
}

it('a server that leaks turns memory-growth red', async () => {
  const path = join(bench().folder, 'leak.mjs');
  writeFileSync(path, LEAK);
  const { MEMORYHUB_DATA_DIR, MEMORYHUB_LOG_FILE, ...settings } = bench().env;
  const leaky = new ServerProcess({ ...settings, NODE_OPTIONS: `--import=${path}` });
  try {
    await leaky.address();
    const report = await bench().doctor(['--only', 'memory-growth'], {
      MEMORYHUB_DATA_DIR: leaky.dataDir,
      MEMORYHUB_LOG_FILE: '',
    });
    expectBad(report, 'memory-growth', /^Resident memory over 3 rounds, \d+ calls in all: .*MB/);
  } finally {
    await leaky.cleanUp();
  }
});

it('a server whose writes another session holds up turns service-levels red, with the cause beside it', async () => {
  let isOver = false;
  const holding = (async () => {
    while (!isOver) {
      await withWritesLocked(bench().database.url, () => sleep(500));
      await sleep(20);
    }
  })();
  try {
    const { stdout } = await runCommand(['doctor', '--json', '--strict', '--only', 'service-levels'], {
      env: bench().env,
    });
    const { findings } = JSON.parse(stdout) as Pick<Report, 'findings'>;
    const red = findings.filter(({ state }) => state === 'bad').map(({ said }) => said);
    expect(red).toContainEqual(expect.stringMatching(/^API p95: \d+ms, where api p95 < 200ms is promised\.$/));
    expect(red).toContainEqual(expect.stringMatching(/^Sessions of PostgreSQL waited for locks in \d+ of the last/));
  } finally {
    isOver = true;
    await holding;
  }
});

it('one that is interrupted under its load ends at once, and leaves neither memories nor valid keys', async () => {
  const operator = await bench().server.connect('operator');
  const before = await savesOf(operator);
  const env = cleanEnvironment(bench().env);
  let stderr = '';
  const child = execFile(process.execPath, [PROGRAM, 'doctor', '--only', 'service-levels'], { env });
  child.stderr?.on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await expect.poll(() => savesOf(operator), { timeout: 30_000 }).toBeGreaterThan(before + 20);
  const interruptedAt = performance.now();
  child.kill('SIGINT');
  expect(await ended).toBe(130);
  expect(performance.now() - interruptedAt).toBeLessThan(8_000);
  expect(stderr).toContain('Interrupted.');
  expect(await leftBehind(bench())).toEqual({ memories: 0n, keys: [] });
  operator.close();
});
