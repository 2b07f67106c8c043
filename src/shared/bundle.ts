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
  /** Everything of ours that it is made of. */
  readonly sources: readonly string[];
  readonly options?: BuildOptions;
}

/** Written by each installation that changes anything: bundles have libraries in them, and what those depend on. */
const INSTALLED = 'node_modules/.package-lock.json';

/**
 * Makes those bundles of which a source, or what is installed, is newer.
 *
 * @returns URL of the first, to be imported
 */
export async function upToDate(first: Bundle, ...more: readonly Bundle[]): Promise<string> {
  const stale = [first, ...more].filter(isStale);
  if (stale.length > 0) {
    const { build, stop } = await import('esbuild');
    try {
      await Promise.all(stale.map((bundle) => make(bundle, build)));
    } finally {
      // It would stay, a process of its own, as long as this one.
      await stop();
    }
  }
  return pathToFileURL(first.output).href;
}

function isStale({ entry, output, sources }: Bundle): boolean {
  if (!existsSync(output)) return true;
  // An installed package has a bundle and no sources.
  if (!existsSync(join(PACKAGE_ROOT, entry))) return false;
  const builtMs = statSync(output).mtimeMs;
  return [...sources, INSTALLED].some((source) => newestMs(join(PACKAGE_ROOT, source)) > builtMs);
}

function newestMs(path: string): number {
  // An editor may just have removed it; what is installed may lie in a folder above.
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
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
    // Whoever asked is told by what is thrown; the output may be a log of JSON.
    logLevel: 'silent',
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
