import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundleServer } from '../../src/server/bundle.ts';
import { BundleOrigins } from '../../src/shared/bundle-origin.ts';

test('the server is bundled into two files, not again while nothing changed, and again when a source is newer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  const dist = join(folder, 'dist');
  try {
    const url = await bundleServer(dist);
    const paths = ['server.mjs', 'worker.mjs'].map((name) => join(dist, name));
    expect(url.endsWith('/server.mjs')).toBe(true);
    for (const path of paths) {
      // A single other character, and V8 holds all of the text with two bytes for each.
      expect(readFileSync(path).every((byte) => byte < 0x80)).toBe(true);
      // A stack trace shows the line it points to.
      expect(
        Math.max(
          ...readFileSync(path, 'utf8')
            .split('\n')
            .map((line) => line.length),
        ),
      ).toBeLessThan(20_000);
    }
    const inodes = () => paths.map((path) => statSync(path).ino);
    const [server = ''] = paths;
    const before = readFileSync(server, 'utf8').split('function keepHeapNearItsContent(')[0]?.split('\n') ?? [];
    const frame = { url, lineNumber: before.length - 1, columnNumber: (before.at(-1)?.length ?? 0) + 10 };
    expect(new BundleOrigins().of(frame).url).toMatch(/^file:.*\/src\/server\/heap\.ts$/);
    const built = inodes();
    await bundleServer(dist);
    expect(inodes()).toEqual(built);
    for (const path of paths) utimesSync(path, 0, 0);
    await bundleServer(dist);
    expect(inodes()).not.toEqual(built);
    expect(existsSync(`${paths[0]}.${process.pid}.tmp`)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
