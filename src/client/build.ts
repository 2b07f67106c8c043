import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

/**
 * Makes dist/client (or the folder given), the package @memory-hub/client: ESM, CommonJS and types,
 * with grpc-js and the protobuf runtime beside it and nothing of the server.
 */
const ROOT = join(import.meta.dirname, '..', '..');
const OUT = resolve(process.argv[2] ?? join(ROOT, 'dist', 'client'));
const RUNTIME = ['@bufbuild/protobuf', '@grpc/grpc-js'];

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
for (const [format, outfile] of [
  ['esm', 'index.mjs'],
  ['cjs', 'index.cjs'],
] as const) {
  await build({
    entryPoints: [join(import.meta.dirname, 'index.ts')],
    outfile: join(OUT, outfile),
    bundle: true,
    platform: 'node',
    target: 'node18',
    format,
    external: RUNTIME,
    logLevel: 'warning',
  });
}
const types = [
  '--declaration',
  '--emitDeclarationOnly',
  '--noEmit',
  'false',
  '--rootDir',
  join(ROOT, 'src'),
  '--outDir',
  join(OUT, 'types'),
];
execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', join(import.meta.dirname, 'tsconfig.json'), ...types], {
  stdio: 'inherit',
});

// The compiler leaves the sources' `.ts` in the paths of declarations; readers look for `.js`.
for (const file of globSync(join(OUT, 'types', '**', '*.d.ts'))) {
  writeFileSync(file, readFileSync(file, 'utf8').replace(/(from ["']\.[^"']*)\.ts(["'])/g, '$1.js$2'));
}

const { version, license, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  license: string;
  dependencies: Record<string, string>;
};
const manifest = {
  name: '@memory-hub/client',
  version,
  license,
  description: 'Client of Memory Hub: git for what language models remember',
  engines: { node: '>=18' },
  main: './index.cjs',
  types: './types/client/index.d.ts',
  exports: { '.': { types: './types/client/index.d.ts', import: './index.mjs', require: './index.cjs' } },
  dependencies: Object.fromEntries(RUNTIME.map((name) => [name, dependencies[name]])),
};
writeFileSync(join(OUT, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
cpSync(join(import.meta.dirname, 'README.md'), join(OUT, 'README.md'));
cpSync(join(ROOT, 'LICENSE'), join(OUT, 'LICENSE'));
