import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { upToDate } from '../../src/shared/bundle.ts';
import { PACKAGE_ROOT } from '../../src/shared/package-root.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bundle-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A bundle of one file with this text, which is older than everything. */
function bundleOf(text: string) {
  const source = join(folder, 'entry.ts');
  writeFileSync(source, text);
  utimesSync(source, 0, 0);
  const entry = relative(PACKAGE_ROOT, source);
  return { programs: { entry }, folder, sources: [entry] };
}

it('makes a bundle again when something was installed since', async () => {
  const bundle = bundleOf('export const one = 1;');
  await upToDate(bundle);
  const output = join(folder, 'entry.mjs');
  const built = () => statSync(output).ino;
  const first = built();
  const installed = statSync(join(PACKAGE_ROOT, 'node_modules/.package-lock.json')).mtimeMs / 1000;
  utimesSync(output, installed + 1, installed + 1);
  await upToDate(bundle);
  expect(built()).toBe(first);
  utimesSync(output, installed - 1, installed - 1);
  await upToDate(bundle);
  expect(built()).not.toBe(first);
});

it('leaves what older bundles shared to servers that still run, and no longer than a week', async () => {
  const bundle = bundleOf('export const one = 1;');
  const [recent, old, other] = ['chunk-RECENT00.mjs', 'chunk-OLD00000.mjs', 'other.mjs'].map((name) =>
    join(folder, name),
  );
  for (const path of [recent, old, other]) writeFileSync(path ?? '', '');
  const weekAgo = Date.now() / 1000 - 8 * 24 * 3600;
  for (const path of [old, other]) utimesSync(path ?? '', weekAgo, weekAgo);
  await upToDate(bundle);
  expect(readdirSync(folder).filter((name) => /^(chunk|other)/.test(name))).toEqual([
    'chunk-RECENT00.mjs',
    'other.mjs',
  ]);
});

it('counts that week from when a bundle was replaced, not from when it was made', async () => {
  const bundle = bundleOf("export const late = () => import('./late.ts');");
  const late = join(folder, 'late.ts');
  const split = { ...bundle, sources: [...bundle.sources, relative(PACKAGE_ROOT, late)], options: { splitting: true } };
  const parts = () => readdirSync(folder).filter((name) => /^late-\w+\.mjs$/.test(name));
  const age = (days: number, ...names: string[]) => {
    const seconds = Date.now() / 1000 - days * 24 * 3600;
    for (const name of names) utimesSync(join(folder, name), seconds, seconds);
  };
  const make = async (value: number) => {
    const before = parts();
    writeFileSync(late, `export const value = ${value};`);
    await upToDate(split);
    return parts().find((name) => !before.includes(name)) ?? '';
  };
  const first = await make(1);
  age(30, 'entry.mjs', first);
  // Servers started a month ago still run.
  const second = await make(2);
  expect(parts().toSorted()).toEqual([first, second].toSorted());
  age(1, 'entry.mjs', second);
  const third = await make(3);
  expect(parts().toSorted()).toEqual([first, second, third].toSorted());
  age(8, first);
  age(1, 'entry.mjs', third);
  const fourth = await make(4);
  expect(parts().toSorted()).toEqual([second, third, fourth].toSorted());
});

it('takes no notice of a source that is gone', async () => {
  const bundle = bundleOf('export const one = 1;');
  await expect(upToDate({ ...bundle, sources: [...bundle.sources, 'src/gone.ts'] })).resolves.toContain('entry.mjs');
  await expect(upToDate({ ...bundle, sources: [...bundle.sources, 'src/gone.ts'] })).resolves.toContain('entry.mjs');
});

it.runIf(process.platform === 'linux')('leaves no bundler behind when it fails', async () => {
  await expect(upToDate(bundleOf('export const = 1;'))).rejects.toThrow('Expected identifier');
  await vi.waitFor(() => expect(childPrograms().filter((program) => program.includes('esbuild'))).toEqual([]));
});

it('says what is wrong by what it throws, and prints nothing', async () => {
  const bundle = JSON.stringify(bundleOf('export const = 1;'));
  const program = `
    import { upToDate } from ${JSON.stringify(join(PACKAGE_ROOT, 'src/shared/bundle.ts'))};
    await upToDate(${bundle}).catch((error) => console.log(error.message));`;
  const ran = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  expect(ran.stdout).toContain('Expected identifier');
  expect(ran.stderr).toBe('');
});

function childPrograms(): string[] {
  return readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'latin1')
      .split(' ')
      .filter(Boolean)
      .map((child) => readFileSync(`/proc/${child}/cmdline`, 'latin1')),
  );
}
