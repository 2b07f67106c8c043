import { describe, expect, test } from 'vitest';
import { textWidth } from '../../src/tui/terminal/line.ts';
import { drawn } from './support/drawn.ts';
import { expectGolden } from './support/golden.ts';
import { busyEvents, SITUATIONS, wideEvents } from './support/screens.ts';

const SIZES = [
  [80, 24],
  [100, 30],
  [160, 50],
] as const;

describe.each(SIZES)('the overview at %ix%i', (columns, rows) => {
  describe.each(Object.keys(SITUATIONS) as (keyof typeof SITUATIONS)[])('%s', (situation) => {
    test.each([
      ['utf-8', false],
      ['ascii', true],
    ])('in %s is what the golden shows', async (name, ascii) => {
      const { rows: seen } = await drawn(SITUATIONS[situation](), { columns, rows, ascii });
      expect(seen).toHaveLength(rows);
      if (ascii) expect(seen.join('')).toMatch(/^[\x20-\x7e]*$/);
      expectGolden(`overview-${situation}-${columns}x${rows}-${name}`, seen);
    });
  });
});

test('nothing is told by colour alone: without colours the text is the same and no colour is sent', async () => {
  const events = SITUATIONS.disconnected();
  const coloured = await drawn(events, { columns: 100, rows: 30 });
  const plain = await drawn(events, { columns: 100, rows: 30, colours: false });
  expect(plain.rows).toEqual(coloured.rows);
  expect(coloured.written).toMatch(/\[[\d;]*38;2;/);
  expect(plain.written).not.toMatch(/\[[\d;]*(3[0-8]|9[0-7])m/);
});

test('the help names every key', async () => {
  const { rows } = await drawn([...busyEvents(), { kind: 'command', command: 'help' }], { columns: 100, rows: 40 });
  expectGolden('help-100x40', rows);
});

test('below 80x20 one panel is shown at a time', async () => {
  const { rows } = await drawn(busyEvents(), { columns: 70, rows: 18 });
  expectGolden('one-panel-70x18', rows);
});

test('below 60x15 it says which size is needed and goes on collecting', async () => {
  const { rows } = await drawn(busyEvents(), { columns: 50, rows: 10 });
  expect(rows.join('\n')).toContain('needs 60x15, this is 50x10.');
  expect(rows.join('\n')).toContain('Still collecting: 120 frames.');
});

test('wide characters and escape sequences in foreign texts break no row', async () => {
  const { rows, written } = await drawn([...wideEvents(), { kind: 'filter-text', text: '!記憶' }], {
    columns: 100,
    rows: 30,
  });
  // Every row of a panel still ends with its border in the last column.
  for (const row of rows.slice(2, 26)) {
    expect(textWidth(row.trimEnd()), row).toBe(100);
    expect(row.trimEnd()).toMatch(/[│╮╯]$/);
  }
  expect(written).not.toContain('\x1b]0;owned');
  expectGolden('wide-100x30', rows);
});
