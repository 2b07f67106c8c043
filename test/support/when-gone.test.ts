import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { temporaryFolder } from './server-process.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process that asks for a file to be made when it is gone, and says so. */
async function asking(file: string, callOff = ''): Promise<ChildProcess> {
  const source = `
    const { whenGone } = await import(${JSON.stringify(new URL('./when-gone.ts', import.meta.url).href)});
    const callOff = whenGone('touch "$1"', [${JSON.stringify(join(folder, file))}]);
    ${callOff}
    process.stdout.write('asked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

it('what was asked for is done when a process is killed, not before, and not when it was called off', async () => {
  const [killed, calledOff] = await Promise.all([asking('killed'), asking('called-off', 'callOff();')]);
  expect(existsSync(join(folder, 'killed'))).toBe(false);
  calledOff.kill('SIGKILL');
  await once(calledOff, 'exit');
  killed.kill('SIGKILL');
  await expect.poll(() => existsSync(join(folder, 'killed'))).toBe(true);
  expect(existsSync(join(folder, 'called-off'))).toBe(false);
});
