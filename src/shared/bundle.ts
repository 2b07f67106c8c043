import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { PACKAGE_ROOT } from './package-root.ts';

/** Programs made of many files each; where `options` ask for splitting, with what they share, and load late, apart. */
export interface Bundle {
  /** The output's name, without its ending, and where the program begins, from the root of the package. */
  readonly programs: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Everything of ours that they are made of. */
  readonly sources: readonly string[];
  readonly options?: BuildOptions;
}

/** Written by each installation that changes anything: bundles have libraries in them, and what those depend on. */
const INSTALLED = 'node_modules/.package-lock.json';

/**
 * What programs share has a name of its content. A server that runs may load parts of an older bundle yet, also one that
 * was started long ago: how long they are kept is counted from when they were replaced.
 */
const SHARED = /-[0-9A-Z]{8}\.mjs(\.map)?$/;
const SHARED_KEPT_MS = 7 * 24 * 3600 * 1000;

/**
 * Makes the bundle when a source, or what is installed, is newer.
 *
 * @returns URL of the first program, to be imported
 */
export async function upToDate(bundle: Bundle): Promise<string> {
  const outputs = Object.keys(bundle.programs).map((name) => join(bundle.folder, `${name}.mjs`));
  if (outputs.some((output) => isStale(output, bundle))) {
    const { build, stop } = await import('esbuild');
    try {
      await make(bundle, build);
    } finally {
      // It would stay, a process of its own, as long as this one.
      await stop();
    }
  }
  return pathToFileURL(outputs[0] ?? '').href;
}

function isStale(output: string, { programs, sources }: Bundle): boolean {
  if (!existsSync(output)) return true;
  // An installed package has a bundle and no sources.
  if (!Object.values(programs).every((program) => existsSync(join(PACKAGE_ROOT, program)))) return false;
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

async function make({ programs, folder, options }: Bundle, build: typeof import('esbuild').build): Promise<void> {
  const begun = new Date();
  const replacedMs = new Set(Object.keys(programs).map((name) => newestMs(join(folder, `${name}.mjs`))));
  // Of those that there are.
  replacedMs.delete(0);
  const { outputFiles = [] } = await build({
    entryPoints: Object.entries(programs).map(([out, entry]) => ({ in: join(PACKAGE_ROOT, entry), out })),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    write: false,
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
    sourcemap: 'linked',
    sourcesContent: false,
    ...options,
  });
  mkdirSync(folder, { recursive: true });
  // Another program may start meanwhile: it finds a whole bundle or none. So programs come after what they import.
  const isProgram = (path: string) => basename(path).replace(/\.mjs$/, '') in programs;
  const inOrder = outputFiles.toSorted((a, b) => Number(isProgram(a.path)) - Number(isProgram(b.path)));
  for (const { path, contents } of inOrder) {
    const unfinished = `${path}.${process.pid}.tmp`;
    writeFileSync(unfinished, contents);
    // A source that was changed while esbuild read is newer than what it read.
    utimesSync(unfinished, begun, begun);
    renameSync(unfinished, path);
  }
  const made = new Set(outputFiles.map(({ path }) => path));
  const old = readdirSync(folder).filter((name) => SHARED.test(name) && !made.has(join(folder, name)));
  for (const name of old) retire(join(folder, name), begun, replacedMs);
}

/** All parts of a bundle bear the time of its programs until it is replaced, and then that of the one that did it. */
function retire(path: string, now: Date, replacedMs: ReadonlySet<number>): void {
  const ms = newestMs(path);
  if (replacedMs.has(ms)) utimesSync(path, now, now);
  else if (ms < now.getTime() - SHARED_KEPT_MS) rmSync(path, { force: true });
}
