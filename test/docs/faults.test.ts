import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { drawnPattern, FAULTS } from '../../docs/faults.ts';
import { OPERATING, withFaults } from '../../docs/tables.ts';

test('docs/operating.md tells of every fault where to look, in at most three keys', () => {
  const markdown = readFileSync(OPERATING, 'utf8');
  expect(markdown).toBe(withFaults(markdown));
  for (const { keys } of Object.values(FAULTS)) expect(keys.length).toBeLessThanOrEqual(3);
});

test('what one reads is looked for in one row, with numbers in the place of #', () => {
  const pattern = drawnPattern(FAULTS['lock wait'].reads);
  expect('Statements (3)  ! lock wait x1.2 (transactionid) ──').toMatch(pattern);
  expect('Statements (3)  ! lock wait x (transactionid) ──').not.toMatch(pattern);
  expect('memories   16k\nelse ! 3.1k all').not.toMatch(drawnPattern(FAULTS['missing index'].reads));
});
