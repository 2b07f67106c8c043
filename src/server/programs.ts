import { getCompileCacheDir } from 'node:module';
import { join } from 'node:path';

/** The path of another program of the server: it lies beside the one that starts it, as a source or as a bundle. */
export function programBeside(
  { dirname, filename }: ImportMeta,
  { source, bundle }: { readonly source: string; readonly bundle: string },
): string {
  return join(dirname, filename.endsWith('.ts') ? source : bundle);
}

/** What it is to be started with: without the compile cache it compiles all over again, which is most of its start. */
export function programEnvironment(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  return directory === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: directory };
}
