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
 * Makes those bundles of which a source is newer.
 *
 * @returns URL of the first, to be imported
 */
export async function upToDate(first: Bundle, ...more: readonly Bundle[]): Promise<string> {
  const stale = [first, ...more].filter(isStale);
  if (stale.length > 0) {
    const { build, stop } = await import('esbuild');
    await Promise.all(stale.map((bundle) => make(bundle, build)));
    await stop();
  }
  return pathToFileURL(first.output).href;
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

async function make({ entry, output, options }: Bundle, build: typeof import('esbuild').build): Promise<void> {
  const begun = new Date();
  mkdirSync(dirname(output), { recursive: true });
  // Another program may start meanwhile: it finds a whole bundle or none.
  const unfinished = `${output}.${process.pid}.tmp`;
  await build({
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
}
