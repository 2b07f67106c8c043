import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const HEAP = join(import.meta.dirname, '../../src/server/heap.ts');

/** Many ticks, full collections while none waits, and as many again; returns what V8 throws away for a shape that died. */
function unlearnt(before: string): string[] {
  const program = `
    ${before}
    const turn = (work) => new Promise((done) => setImmediate(() => { work(); setImmediate(done); }));
    const ticks = async () => {
      for (let i = 0; i < 1_000; i++) await turn(() => { for (let j = 0; j < 500; j++) process.nextTick(() => {}); });
    };
    await ticks();
    for (let i = 0; i < 8; i++) await turn(gc);
    await ticks();
  `;
  const said = execFileSync(
    process.execPath,
    ['--expose-gc', '--trace-deopt', '--input-type=module', '--eval', program],
    { encoding: 'utf8' },
  );
  return said.split('\n').filter((line) => line.includes('weak objects cleared'));
}

// Should this fail, V8 has mended it, and keepTicksFast can go.
test('V8 unlearns the shape of a tick when it collects the last one', () => {
  expect(unlearnt('')).not.toEqual([]);
});

test('a server keeps one, and V8 its shape', () => {
  expect(unlearnt(`import { keepTicksFast } from ${JSON.stringify(HEAP)}; keepTicksFast();`)).toEqual([]);
});
