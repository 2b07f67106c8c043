import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './code-blocks.ts';

const page = readFileSync(join(ROOT, 'docs/threat-model.md'), 'utf8');

/** Every test that the page calls upon: its file and its title. */
function namedIn(text: string): { readonly file: string; readonly title: string }[] {
  return [...text.matchAll(/^- `(test\/[^`]+)` (.*)$/gm)].flatMap(([, file = '', titles = '']) =>
    [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
  );
}

/** Whether a file has a test or a group of this title; one that only mentions it has not. */
function has({ file, title }: { file: string; title: string }): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return false;
  const text = readFileSync(path, 'utf8').replaceAll(/\(\s+/g, '(');
  return ["'", '"', '`'].some((quote) => text.includes(`(${quote}${title}${quote},`));
}

describe('docs/threat-model.md', () => {
  it('names tests that are there, by file and title', () => {
    const named = namedIn(page);
    expect(named.length).toBeGreaterThan(60);
    expect(named.filter((each) => !has(each))).toEqual([]);
  });

  it('has a test for every defence that is not said to be missing', () => {
    const defended = page.slice(page.indexOf('## From the network'), page.indexOf('## What is not defended'));
    const parts = defended.split(/\n(?=\*\*|## Covering)/).slice(1);
    expect(parts.filter((part) => namedIn(part).length === 0)).toEqual([]);
  });

  it('leaves out no test of security and sealing', () => {
    const files = ['test/security', 'test/sealing'].flatMap((folder) =>
      readdirSync(join(ROOT, folder))
        .filter((name) => name.endsWith('.test.ts'))
        .map((name) => `${folder}/${name}`),
    );
    expect(files.filter((file) => !page.includes(`\`${file}\``))).toEqual([]);
  });

  it('would notice a title that is gone, and one that is only mentioned', () => {
    const file = 'test/docs/threat-model.test.ts';
    expect(has({ file, title: 'names tests that are there, by file and title' })).toBe(true);
    expect(has({ file, title: 'is nowhere' })).toBe(false);
    expect(has({ file: 'test/nowhere.test.ts', title: 'is nowhere' })).toBe(false);
  });
});
