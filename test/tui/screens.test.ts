import { describe, expect, test } from 'vitest';
import { commandOf } from '../../src/tui/keys.ts';
import type { Event } from '../../src/tui/state/event.ts';
import { SCREENS } from '../../src/tui/state/screens.ts';
import { drawn } from './support/drawn.ts';
import { expectGolden } from './support/golden.ts';
import { SITUATIONS } from './support/screens.ts';

const SIZES = [
  [80, 24],
  [100, 30],
  [160, 50],
] as const;

/** Names of keys, as pressed one after the other. */
const pressed = (...keys: readonly string[]): readonly Event[] =>
  keys.map((key): Event => {
    const command = commandOf(key);
    if (command === undefined) throw new Error(`${key} is no key`);
    return { kind: 'command', command };
  });

const NEW_SCREENS = SCREENS.filter(({ name }) => name !== 'overview');

describe.each(NEW_SCREENS)('the screen $title', ({ name, number }) => {
  const keys = pressed(String(number));

  test.each(SIZES)('of a busy server at %ix%i is what the golden shows', async (columns, rows) => {
    const { rows: seen } = await drawn([...SITUATIONS.live(), ...keys], { columns, rows });
    expectGolden(`${name}-live-${columns}x${rows}`, seen);
  });

  test.each(['paused', 'disconnected', 'empty'] as const)('%s is what the golden shows', async (situation) => {
    const { rows } = await drawn([...SITUATIONS[situation](), ...keys], { columns: 100, rows: 30 });
    expectGolden(`${name}-${situation}-100x30`, rows);
  });

  test('is drawn with ASCII alone where the terminal has nothing else', async () => {
    const { rows } = await drawn([...SITUATIONS.live(), ...keys], { columns: 80, rows: 24, ascii: true });
    expect(rows.join('')).toMatch(/^[\x20-\x7e]*$/);
    expectGolden(`${name}-live-80x24-ascii`, rows);
  });

  test('says the same in every palette', async () => {
    const events = [...SITUATIONS.disconnected(), ...keys];
    const colours = await drawn(events, { columns: 100, rows: 30 });
    const contrast = await drawn(events, { columns: 100, rows: 30, palette: 'high-contrast' });
    const none = await drawn(events, { columns: 100, rows: 30, colours: false });
    expect(contrast.rows).toEqual(colours.rows);
    expect(none.rows).toEqual(colours.rows);
    const used = [...contrast.written.matchAll(/38;2;(\d+;\d+;\d+)/g)].map(([, rgb]) => rgb);
    expect(used.length).toBeGreaterThan(0);
    for (const rgb of used) expect(['255;255;255', '255;255;0']).toContain(rgb);
  });

  test('has one panel at a time on a small terminal', async () => {
    const { rows } = await drawn([...SITUATIONS.live(), ...keys], { columns: 60, rows: 15 });
    expectGolden(`${name}-live-60x15`, rows);
  });
});
