import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = join(ROOT, 'src/tui/main.tsx');
const OUTPUT = join(ROOT, 'dist/monitor.mjs');
/** Everything the bundle is made of; package.json stands for the versions of what it depends on. */
const SOURCES = ['src/tui', 'src/shared', 'package.json'];

/**
 * Bundles the monitor when a source is newer than the bundle: Node strips types, but not JSX, and
 * one file starts in a third of the time.
 *
 * @returns URL of the bundle, to be imported
 */
export async function bundleMonitor(output = OUTPUT): Promise<string> {
  if (isStale(output)) await build(output);
  return pathToFileURL(output).href;
}

function isStale(output: string): boolean {
  if (!existsSync(output)) return true;
  // An installed package has a bundle and no sources.
  if (!existsSync(ENTRY)) return false;
  const builtMs = statSync(output).mtimeMs;
  return SOURCES.some((source) => newestMs(join(ROOT, source)) > builtMs);
}

function newestMs(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestMs(join(path, name))), stats.mtimeMs);
}

async function build(output: string): Promise<void> {
  const { build: esbuild } = await import('esbuild');
  mkdirSync(dirname(output), { recursive: true });
  // Another monitor may start meanwhile: it finds a whole bundle or none.
  const unfinished = `${output}.${process.pid}.tmp`;
  await esbuild({
    entryPoints: [ENTRY],
    outfile: unfinished,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    jsx: 'automatic',
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    // React's development build is slower by half and warns into the frame.
    define: { 'process.env.NODE_ENV': '"production"' },
    // Ink imports it only when DEV=true, and esbuild cannot know.
    alias: { 'react-devtools-core': join(ROOT, 'src/tui/no-devtools.ts') },
    // CommonJS packages within call require().
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  renameSync(unfinished, output);
}
