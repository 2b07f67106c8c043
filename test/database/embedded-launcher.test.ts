import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch, type Program } from '../../src/server/database/embedded/launch.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-hub-launcher-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shell = (script: string): Program => ({
  file: '/bin/sh',
  args: ['-c', script],
  cwd: folder,
  env: { PATH: process.env.PATH ?? '' },
  user: {},
});

test('the log is moved away when it is too long, and its end is always there', async () => {
  const logFile = join(folder, 'bounded.log');
  const writer = shell(
    'for i in 1 2 3 4 5 6 7 8 9; do printf "%01000d\\n" $i >&2; sleep 0.05; done; sleep 0.2; echo last >&2',
  );
  const launched = launch({ postgres: writer, logFile, logBytes: 2_500, logCheckMs: 20 });
  await launched.started;
  while (launched.over() === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(readFileSync(logFile, 'utf8')).toMatch(/last\n$/);
  expect(statSync(logFile).size).toBeLessThan(9_000);
  expect(statSync(`${logFile}.1`).size).toBeGreaterThan(2_500);
  expect(statSync(`${logFile}.1`).size).toBeLessThan(9_000);
});

test('a program that cannot be started is an outcome, not a silence', async () => {
  const postgres = { ...shell(''), file: join(folder, 'no-such-program') };
  const launched = launch({ postgres, logFile: join(folder, 'none.log'), logBytes: 1_000, logCheckMs: 1_000 });
  expect(await launched.started).toMatchObject({ kind: 'ended', error: expect.stringContaining('ENOENT') });
});
