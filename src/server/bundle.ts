import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { upToDate } from '../shared/bundle.ts';
import { PACKAGE_ROOT } from '../shared/package-root.ts';

/**
 * Read files beside them, start programs of their own, or are loaded only by servers that are set to use them. Of
 * Node.js' own: what is imported has all its properties looked at, of which one of node:http is a whole client for
 * fetch, of 10 MB; what is required has not.
 */
const LEFT_OUT = [
  '@grpc/proto-loader',
  '@grpc/reflection',
  'esbuild',
  'ioredis',
  'node:http',
  'pg-native',
  'pino',
  'pino-roll',
  'rate-limiter-flexible',
];

/**
 * What is left out is loaded where the module that imports it begins. esbuild would move its import to the top of
 * the bundle, where every program loads it, also for modules that are imported when they are wanted.
 */
const LEFT_OUT_UNTIL_WANTED: Plugin = {
  name: 'left out until wanted',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${LEFT_OUT.join('|')})$`) }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'left-out' } : { path, external: true },
    );
    build.onLoad({ filter: /./, namespace: 'left-out' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * The generated stubs make a client of each service, for which they import grpc-js. Who only wants their messages,
 * as the parent of workers does, is to have neither.
 */
const STUBS_WITHOUT_CLIENTS: Plugin = {
  name: 'stubs without clients',
  setup(build) {
    build.onLoad({ filter: /\/src\/shared\/gen\/.*\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8').replaceAll(' = makeGeneric', ' = /* @__PURE__ */ makeGeneric'),
    }));
    // A module of its own: what is said of side effects holds for a file, whoever imports it.
    build.onResolve({ filter: /^@grpc\/grpc-js$/ }, ({ path, importer }) =>
      importer.includes('/src/shared/gen/') ? { path, namespace: 'of-clients', sideEffects: false } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'of-clients' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      resolveDir: PACKAGE_ROOT,
    }));
  },
};

/**
 * OpenTelemetry's exporters over gRPC import a part of grpc-js and require the rest when it is wanted. In a bundle that
 * would be two of them, of which neither knows the other's credentials.
 */
const ONE_GRPC_FOR_EXPORTERS: Plugin = {
  name: 'one grpc for exporters',
  setup(build) {
    build.onLoad({ filter: /\/otlp-grpc-exporter-base\/.*\.mjs$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8').replaceAll('__require("@grpc/grpc-js")', 'grpcOfAll');
      return { contents: `import * as grpcOfAll from '@grpc/grpc-js';\n${text}` };
    });
  },
};

/**
 * Bundles the server's programs when a source is newer. Of a thousand modules V8 keeps the source text of each,
 * comments too, and Node.js what the compile cache has of it: 40 MB of every process, and half of its start. What is
 * imported late, as the ORM is, stays in files of its own, or its text would be in memory too.
 *
 * @returns URL of what exports `serve`
 */
export function bundleServer(folder = join(PACKAGE_ROOT, 'dist/server')): Promise<string> {
  return upToDate({
    programs: {
      main: 'src/server/main.ts',
      worker: 'src/server/workers/worker.ts',
      preparation: 'src/server/preparation/program.ts',
    },
    folder,
    sources: ['src/server', 'src/shared', 'package.json'],
    options: {
      splitting: true,
      plugins: [LEFT_OUT_UNTIL_WANTED, STUBS_WITHOUT_CLIENTS, ONE_GRPC_FOR_EXPORTERS],
      // Where a stack trace points to can be read, and is not the whole program in one line.
      lineLimit: 160,
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module';const require = requireFrom(import.meta.url);",
      },
    },
  });
}
