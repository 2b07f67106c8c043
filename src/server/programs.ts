import { getCompileCacheDir } from 'node:module';
import { join, parse } from 'node:path';

/** The path of another program of the server: it lies beside the one that starts it, as a source or as a bundle. */
export function programBeside(
  { dirname, filename }: ImportMeta,
  { source, bundle }: { readonly source: string; readonly bundle: string },
): string {
  return join(dirname, filename.endsWith('.ts') ? source : bundle);
}

/**
 * What it is to be started with: without the compile cache it compiles all over again, which is most of its start.
 * The cache keeps of each file what the first process had compiled when it ended, so that each program has its own:
 * of what they share, one that prepares a database has run next to nothing.
 */
export function programEnvironment(program: string): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  return directory === undefined
    ? process.env
    : { ...process.env, NODE_COMPILE_CACHE: join(directory, parse(program).name) };
}
