import { join } from 'node:path';
import { upToDate } from '../shared/bundle.ts';
import { PACKAGE_ROOT } from '../shared/package-root.ts';

/** CommonJS packages read files beside them, or are loaded by only some servers; each is few modules, too. */
const LEFT_OUT = [
  '@grpc/*',
  '@opentelemetry/*',
  'esbuild',
  'ioredis',
  'pg',
  'pino',
  'pino-roll',
  'rate-limiter-flexible',
];

/**
 * Bundles the server when a source is newer than the bundle. Of a thousand modules V8 keeps the source text of each,
 * comments too, and Node.js what the compile cache has of it: 40 MB of every process, and half of its start.
 *
 * @returns URL of what exports `serve`
 */
export async function bundleServer(folder = join(PACKAGE_ROOT, 'dist')): Promise<string> {
  const bundle = (name: string, entry: string) =>
    upToDate({
      entry,
      output: join(folder, `${name}.mjs`),
      sources: ['src/server', 'src/shared', 'package.json'],
      options: {
        external: LEFT_OUT,
        // Where a stack trace points to can be read, and is not the whole program in one line.
        lineLimit: 160,
        banner: {
          js: "import { createRequire as requireFrom } from 'node:module';const require = requireFrom(import.meta.url);",
        },
      },
    });
  await bundle('worker', 'src/server/workers/worker.ts');
  return bundle('server', 'src/server/main.ts');
}
