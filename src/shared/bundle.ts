import { existsSync, mkdirSync, readdirSync, renameSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { PACKAGE_ROOT } from './package-root.ts';

/** One file made of many. */
export interface Bundle {
  /** Where it begins, from the root of the package. */
  readonly entry: string;
  readonly output: string;
  /** Everything it is made of; package.json stands for the versions of what it depends on. */
  readonly sources: readonly string[];
  readonly options?: BuildOptions;
}

/**
 * Makes a bundle when a source is newer than it.
 *
 * @returns URL of the bundle, to be imported
 */
export async function upToDate(bundle: Bundle): Promise<string> {
  if (isStale(bundle)) await build(bundle);
  return pathToFileURL(bundle.output).href;
}

function isStale({ entry, output, sources }: Bundle): boolean {
  if (!existsSync(output)) return true;
  // An installed package has a bundle and no sources.
  if (!existsSync(join(PACKAGE_ROOT, entry))) return false;
  const builtMs = statSync(output).mtimeMs;
  return sources.some((source) => newestMs(join(PACKAGE_ROOT, source)) > builtMs);
}

function newestMs(path: string): number {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestMs(join(path, name))), stats.mtimeMs);
}

async function build({ entry, output, options }: Bundle): Promise<void> {
  const begun = new Date();
  const { build: esbuild, stop } = await import('esbuild');
  mkdirSync(dirname(output), { recursive: true });
  // Another program may start meanwhile: it finds a whole bundle or none.
  const unfinished = `${output}.${process.pid}.tmp`;
  await esbuild({
    entryPoints: [join(PACKAGE_ROOT, entry)],
    outfile: unfinished,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'error',
    // For who looks into a profile or steps through: nothing of it is loaded otherwise.
    sourcemap: 'external',
    sourcesContent: false,
    ...options,
    footer: { js: `//# sourceMappingURL=${basename(output)}.map` },
  });
  // A source that was changed while esbuild read is newer than what it read.
  utimesSync(unfinished, begun, begun);
  renameSync(`${unfinished}.map`, `${output}.map`);
  renameSync(unfinished, output);
  await stop();
}
