import { expect, it } from 'vitest';
import { MONITOR_OPTIONS } from '../../src/tui/args.ts';
import { runCommand } from '../support/server-process.ts';

/** What a shell is told when it asks how a command line goes on. */
async function completions(...line: string[]): Promise<string[]> {
  const { code, stdout } = await runCommand(['--get-yargs-completions', 'memory-hub', ...line]);
  expect(code).toBe(0);
  return stdout.trim().split('\n');
}

it('completion knows commands, their flags, and those of the monitor, which reads its own', async () => {
  const commands = await completions('');
  for (const name of ['serve', 'monitor', 'status', 'stop', 'save', 'get', 'list', 'history', 'export', 'import'])
    expect(commands).toContainEqual(expect.stringMatching(new RegExp(`^${name}\\b`)));
  expect(await completions('import', '--')).toEqual(expect.arrayContaining(['--map', '--skip-bad', '--again']));
  const monitor = await completions('monitor', '--');
  expect(monitor).toEqual(expect.arrayContaining(Object.keys(MONITOR_OPTIONS).map((name) => `--${name}`)));
});
