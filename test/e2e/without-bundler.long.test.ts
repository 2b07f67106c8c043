import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/shared/package-root.ts';
import { cleanEnvironment, ServerProcess, temporaryFolder } from '../support/server-process.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the program, with the libraries of this one but for the bundler. */
function installWithoutBundler(): string {
  for (const part of ['package.json', 'proto', 'src']) {
    cpSync(join(PACKAGE_ROOT, part), join(folder, part), { recursive: true });
  }
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(PACKAGE_ROOT, 'node_modules'))) {
    if (name === 'esbuild' || name.startsWith('.')) continue;
    symlinkSync(join(PACKAGE_ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return join(folder, 'src/cli/memory-hub.js');
}

it('serves from its sources where there is no bundler, and says so in its log', async () => {
  const program = installWithoutBundler();
  const server = new ServerProcess({ LOG_LEVEL: 'info' }, undefined, (settings) =>
    spawn(process.execPath, [program, 'serve'], { env: cleanEnvironment(settings), stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  try {
    const hub = await server.connect();
    await hub.memories.saveMemory({ memory: { content: 'from the sources' } });
    hub.close();
    expect(await server.stop()).toBe(0);
    // A log that is read by programs has nothing but JSON in it.
    const lines = server.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: number; msg: string });
    expect(lines.filter(({ level }) => level >= 40).map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^the server is not bundled, .*esbuild/),
    ]);
  } finally {
    await server.cleanUp();
  }
});
