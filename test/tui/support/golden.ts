import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';

const FOLDER = join(import.meta.dirname, '../golden');

/**
 * Compares what a terminal shows with `golden/<name>.txt`. `UPDATE_GOLDENS=1` writes the files
 * instead: look at every line of the difference before committing it.
 */
export function expectGolden(name: string, rows: readonly string[]): void {
  const path = join(FOLDER, `${name}.txt`);
  const text = `${rows.map((row) => row.trimEnd()).join('\n')}\n`;
  if (process.env.UPDATE_GOLDENS === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return;
  }
  if (!existsSync(path)) throw new Error(`there is no ${path}; UPDATE_GOLDENS=1 writes it`);
  expect(text).toBe(readFileSync(path, 'utf8'));
}
