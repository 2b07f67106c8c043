import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Binaries, findBinaries, usableBinaries } from '../../src/server/database/embedded/binaries.ts';
import { layoutOf } from '../../src/server/database/embedded/layout.ts';
import { postgresUser } from '../../src/server/database/embedded/os-user.ts';
import { prepare } from '../../src/server/database/embedded/prepare.ts';
import { shutDown } from '../../src/server/database/embedded/shut-down.ts';
import { start } from '../../src/server/database/embedded/start.ts';

// initdb on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

// As installed with --ignore-scripts, below a folder that only its owner may enter.
let folder: string;
let installed: Binaries;
const isLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'memory-hub-binaries-'));
  installed = { ...findBinaries(), native: join(folder, 'package', 'native'), version: `test-${process.pid}` };
  install(installed.native);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Copies the package as npm unpacks it: without links. */
function install(native: string): void {
  cpSync(findBinaries().native, native, { recursive: true, verbatimSymlinks: true });
  for (const entry of readdirSync(join(native, 'lib'), { withFileTypes: true })) {
    if (entry.isSymbolicLink()) rmSync(join(native, 'lib', entry.name));
  }
}

const version = (native: string, user: { uid?: number; gid?: number } = {}) =>
  execFileSync(join(native, 'bin', 'postgres'), ['--version'], { encoding: 'utf8', stdio: 'pipe', ...user });

test.runIf(isLinux)('links between libraries that were not made by the installation are made', () => {
  expect(() => version(installed.native)).toThrow(/libicu/);
  const usable = usableBinaries(installed, undefined, join(folder, 'own'), () => {});
  expect(usable.native).toBe(installed.native);
  expect(version(usable.native)).toMatch(/PostgreSQL\) 18/);
});

test.runIf(isRoot)(
  'binaries that their user cannot reach are copied to where it can, once, and it is told',
  async () => {
    const notices: string[] = [];
    const dataDir = join(folder, 'data');
    const prepared = prepare(layoutOf(dataDir), () => {});
    const user = postgresUser(undefined);
    const usable = usableBinaries(installed, user, join(folder, 'own'), (text) => notices.push(text));
    try {
      expect(usable.native).not.toContain(folder);
      expect(notices.join()).toContain(usable.native);
      expect(version(usable.native, { uid: 65_534, gid: 65_534 })).toMatch(/PostgreSQL\) 18/);
      expect(usableBinaries(installed, user, join(folder, 'own'), (text) => notices.push(text))).toEqual(usable);
      expect(notices).toHaveLength(1);

      // The data stay where they were asked for, also below a folder that PostgreSQL's user may not enter.
      const running = await start(
        { ...prepared, binaries: usable },
        { maxConnections: 20 },
        performance.now() + 20_000,
      );
      expect(existsSync(join(dataDir, 'postgres', 'data', 'PG_VERSION'))).toBe(true);
      await shutDown(prepared.layout, running?.pid ?? 0);
    } finally {
      // Its name holds the version that only this test has.
      if (usable.native.includes(installed.version)) rmSync(usable.native, { recursive: true, force: true });
    }
  },
);
