import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { DescriptorProtoSchema, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';
import { afterAll, describe, expect, it } from 'vitest';
import { javaClashes } from './java-accessors.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const STUBS = join('src', 'shared', 'gen');
/** Stubs of files that are not ours: made once, beside the contract's. */
const FOREIGN = [
  'google/protobuf/any.ts',
  'google/protobuf/struct.ts',
  'google/rpc/error_details.ts',
  'google/rpc/status.ts',
];

/** Runs a program of the checkout; throws with what it printed when it fails. */
function run(program: string, ...args: string[]): string {
  return execFileSync(join(ROOT, 'node_modules', '.bin', program), args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
}

describe('what is generated from the contract', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-contract-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is current: the stubs', () => {
    run('buf', 'generate', '--output', folder);
    run('buf', 'generate', 'node_modules/grpc-health-check/proto', '--output', folder);
    const fresh = join(folder, STUBS);
    const names = filesUnder(fresh);
    expect([...names, ...FOREIGN].sort()).toEqual(filesUnder(join(ROOT, STUBS)));
    for (const name of names) {
      expect(readFileSync(join(ROOT, STUBS, name), 'utf8'), name).toBe(readFileSync(join(fresh, name), 'utf8'));
    }
  });

  it('is current: the descriptor set', () => {
    const fresh = join(folder, 'memoryhub.binpb');
    run('buf', 'build', '--output', fresh, '--as-file-descriptor-set');
    expect(readFileSync(fresh).equals(readFileSync(join(ROOT, 'proto', 'memoryhub.binpb')))).toBe(true);
  });
});

describe('the contract', () => {
  it('keeps to the rules of buf lint', () => {
    expect(run('buf', 'lint')).toBe('');
  });

  it('breaks no client of the last release', () => {
    expect(run('buf', 'breaking', '--against', join('proto', 'baseline.binpb'))).toBe('');
  });
});

it('a getter that Java would have twice is found', () => {
  const field = (name: string, type: Type) => ({ name, type, number: 1 });
  const clashes = (...fields: ReturnType<typeof field>[]) =>
    javaClashes(create(DescriptorProtoSchema, { name: 'M', field: fields }));
  expect(clashes(field('table', Type.STRING), field('table_bytes', Type.INT64))).toEqual(['M: getTableBytes()']);
  expect(clashes(field('kind', Type.ENUM), field('kind_value', Type.INT32))).toEqual(['M: getKindValue()']);
  expect(clashes(field('table', Type.INT64), field('table_bytes', Type.INT64))).toEqual([]);
});
