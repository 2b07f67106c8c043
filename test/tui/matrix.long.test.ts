import { describe, expect, test } from 'vitest';
import { SCREENS } from '../../src/tui/state/screens.ts';
import { textWidth } from '../../src/tui/terminal/line.ts';
import { type Drawing, drawn } from './support/drawn.ts';
import { expectGolden } from './support/golden.ts';
import { on } from './support/on-screen.ts';
import { SITUATIONS, wideEvents } from './support/screens.ts';

const SIZES = [
  [80, 24],
  [100, 30],
  [160, 50],
] as const;

const ALL = { ...SITUATIONS, wide: wideEvents };
const MEMORIES = 1234;

/** Every screen at every size in every situation: a golden holds all of one screen and size, one below the other. */
describe.each(SIZES)('at %ix%i', (columns, rows) => {
  describe.each(SCREENS)('the screen $title', ({ name, number }) => {
    const seen = async (situation: keyof typeof ALL, how: Partial<Drawing> = {}) => {
      const memories = situation === 'empty' ? 0 : MEMORIES;
      return drawn(on(number, ALL[situation](), memories), { columns, rows, ...how });
    };

    test('is whole, and what the golden shows, in every situation', async () => {
      const all: string[] = [];
      for (const situation of Object.keys(ALL) as (keyof typeof ALL)[]) {
        const { rows: frame, written } = await seen(situation);
        expect(frame).toHaveLength(rows);
        for (const row of frame) expect(textWidth(row.trimEnd()), row).toBeLessThanOrEqual(columns);
        expect(written).not.toContain('\x1b]0;owned');
        all.push(`==== ${situation} ====`, ...frame);
      }
      expectGolden(`matrix-${name}-${columns}x${rows}`, all);
    });

    test('says the same with ASCII alone, in high contrast, and in sentences', async () => {
      const utf8 = await seen('overloaded');
      const ascii = await seen('overloaded', { ascii: true });
      expect(ascii.rows.join('')).toMatch(/^[\x20-\x7e]*$/);
      // Every number is there with its unit; what is drawn around them is another.
      const numbers = (drawing: readonly string[]) => drawing.map((row) => row.match(/(?<![\w.])\d[\w.,%]*/g) ?? []);
      expect(numbers(ascii.rows)).toEqual(numbers(utf8.rows));
      const contrast = await seen('overloaded', { palette: 'high-contrast' });
      expect(contrast.rows).toEqual(utf8.rows);
      const used = [...contrast.written.matchAll(/38;2;(\d+;\d+;\d+)/g)].map(([, rgb]) => rgb);
      for (const rgb of used) expect(['255;255;255', '255;255;0']).toContain(rgb);
      const spoken = await seen('overloaded', { view: { screenReader: true } });
      expect(spoken.rows.join('')).not.toMatch(/[\u2190-\u2bff|]|\+-|--/);
      expectGolden(`matrix-${name}-${columns}x${rows}-ascii-and-spoken`, [
        ...ascii.rows,
        '==== screen reader ====',
        ...spoken.rows,
      ]);
    });
  });
});
