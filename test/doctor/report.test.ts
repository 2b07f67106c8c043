import { expect, test } from 'vitest';
import { outcomeText } from '../../src/cli/doctor/report.ts';

const outcome = {
  check: 'keys',
  findings: [
    { state: 'ok', said: 'Four keys are valid, and none of them is older than ninety days at the time of this look.' },
    {
      state: 'bad',
      said: 'One never ends: \u001b[31mred\u001b[0m.',
      advice: 'Give it an end with `memory-hub keys rotate`.',
    },
  ],
} as const;

test.each([30, 40, 60, 66, 67, 80, 140])('fits a terminal of %i columns, with mark, name and advice', (width) => {
  const text = outcomeText(outcome, width, false);
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(width);
  expect(text).toMatch(/^✓ ok {7}keys/);
  expect(text).toMatch(/\n✗ bad {6}keys/);
  expect(text.replaceAll(/\s+/g, ' ')).toContain('> Give it an end with `memory-hub keys rotate`.');
});

test('what comes from a server cannot draw on the terminal', () => {
  expect(outcomeText(outcome, 80, false)).not.toContain('\u001b');
});
