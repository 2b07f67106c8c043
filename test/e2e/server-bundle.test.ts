import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { bundleServer } from '../../src/server/bundle.ts';
import { BundleOrigins } from '../../src/shared/bundle-origin.ts';

test('the server is bundled, not again while nothing changed, and again when a source is newer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  const dist = join(folder, 'dist/server');
  try {
    const url = await bundleServer(dist);
    expect(url.endsWith('/server/main.mjs')).toBe(true);
    const paths = readdirSync(dist)
      .filter((name) => name.endsWith('.mjs'))
      .map((name) => join(dist, name));
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
    const heap = paths.find((path) => readFileSync(path, 'utf8').includes('function keepHeapNearItsContent(')) ?? '';
    const before = readFileSync(heap, 'utf8').split('function keepHeapNearItsContent(')[0]?.split('\n') ?? [];
    const frame = {
      url: pathToFileURL(heap).href,
      lineNumber: before.length - 1,
      columnNumber: (before.at(-1)?.length ?? 0) + 10,
    };
    expect(new BundleOrigins().of(frame).url).toMatch(/^file:.*\/src\/server\/heap\.ts$/);
    const programs = ['main.mjs', 'worker.mjs', 'preparation.mjs'].map((name) => join(dist, name));
    const inodes = () => programs.map((path) => statSync(path).ino);
    const built = inodes();
    await bundleServer(dist);
    expect(inodes()).toEqual(built);
    for (const path of programs) utimesSync(path, 0, 0);
    await bundleServer(dist);
    expect(inodes()).not.toEqual(built);
    expect(readdirSync(dist).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('no process of the server loads what it has no use for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  try {
    const main = fileURLToPath(await bundleServer(join(folder, 'dist/server')));
    const [parent = '', worker = ''] = [
      textLoaded(join(dirname(main), readdirSync(dirname(main)).find((name) => /^parent-\w+\.mjs$/.test(name)) ?? '')),
      textLoaded(join(dirname(main), 'worker.mjs')),
    ];
    const [grpc, orm, schemas, fetch] = [
      'grpc-js/build/src/server.js',
      '@mikro-orm/core',
      'ZodError',
      'from"node:http"',
    ];
    expect([grpc, orm, schemas].filter((part) => parent.includes(part))).toEqual([]);
    expect([orm, schemas, fetch].filter((part) => worker.includes(part))).toEqual([]);
    // The looks are not in vain.
    expect(worker).toContain(grpc);
    expect(textLoaded(main)).toContain(schemas);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The text of a program with all it imports before it begins. */
function textLoaded(path: string, loaded = new Map<string, string>()): string {
  const text = readFileSync(path, 'utf8');
  loaded.set(path, text);
  for (const [, name = ''] of text.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) {
    const imported = join(dirname(path), name);
    if (!loaded.has(imported)) textLoaded(imported, loaded);
  }
  return [...loaded.values()].join('\n');
}
