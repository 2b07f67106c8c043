import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/tui/state/event.ts';
import { SCREENS } from '../../src/tui/state/screens.ts';
import { textWidth } from '../../src/tui/terminal/line.ts';
import { drawn } from './support/drawn.ts';
import { expectGolden } from './support/golden.ts';
import { on, pressed } from './support/on-screen.ts';
import { SITUATIONS } from './support/screens.ts';

const SIZES = [
  [80, 24],
  [100, 30],
  [160, 50],
] as const;

const NEW_SCREENS = SCREENS.filter(({ name }) => name !== 'overview');

describe.each(NEW_SCREENS)('the screen $title', ({ name, number }) => {
  test.each(SIZES)('of a busy server at %ix%i is what the golden shows', async (columns, rows) => {
    const { rows: seen } = await drawn(on(number, SITUATIONS.live()), { columns, rows });
    expectGolden(`${name}-live-${columns}x${rows}`, seen);
  });

  test.each(['paused', 'disconnected', 'empty', 'overloaded'] as const)(
    '%s is what the golden shows',
    async (situation) => {
      const memories = situation === 'empty' ? 0 : 1234;
      const { rows } = await drawn(on(number, SITUATIONS[situation](), memories), { columns: 100, rows: 30 });
      expectGolden(`${name}-${situation}-100x30`, rows);
    },
  );

  test('is drawn with ASCII alone where the terminal has nothing else', async () => {
    const { rows } = await drawn(on(number, SITUATIONS.live()), { columns: 80, rows: 24, ascii: true });
    expect(rows.join('')).toMatch(/^[\x20-\x7e]*$/);
    expectGolden(`${name}-live-80x24-ascii`, rows);
  });

  test('says the same in every palette', async () => {
    const events = on(number, SITUATIONS.disconnected());
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
    const { rows } = await drawn(on(number, SITUATIONS.live()), { columns: 60, rows: 15 });
    expectGolden(`${name}-live-60x15`, rows);
  });
});

test('no secret of the settings is drawn, nor what stands for one', async () => {
  for (const keys of [[], ['j'], ['j', 'j'], ['j', 'j', 'j']]) {
    const { rows, written } = await drawn(on(7, SITUATIONS.live(), 0, keys), { columns: 160, rows: 50 });
    expect(rows.join('\n')).toContain('openai.api_key');
    expect(written).not.toMatch(/hunter2|sealed|AbCdEf/);
  }
});

describe.each(SCREENS)('the screen $title for a screen reader', ({ name, number }) => {
  test('is sentences without anything drawn', async () => {
    const view = { screenReader: true };
    for (const situation of ['live', 'disconnected'] as const) {
      const { rows } = await drawn(on(number, SITUATIONS[situation]()), { columns: 80, rows: 24, view });
      expect(rows.join('')).not.toMatch(/[\u2190-\u2bff|]|\+-|--/);
      expectGolden(`${name}-${situation}-screen-reader-80x24`, rows);
    }
  });
});

describe('the memory browser', () => {
  test.each(SIZES)('with a memory opened and its text shown, at %ix%i', async (columns, rows) => {
    const events = on(3, SITUATIONS.live(), 1234, ['x', 'down', 'down', 'enter']);
    const { rows: seen, written } = await drawn(events, { columns, rows });
    expectGolden(`memories-opened-${columns}x${rows}`, seen);
    expect(written).not.toContain('\x1b]0;owned');
    expect(written).not.toContain('\u202e');
  });

  test('a text with escape sequences is drawn as text, whole rows and all', async () => {
    const events = on(3, SITUATIONS.live(), 1234, ['x', 'down', 'down', 'down', 'enter']);
    const { rows, written } = await drawn(events, { columns: 100, rows: 30 });
    expect(rows.join('\n')).toContain('�[2J�]0;owned�because');
    expect(written).not.toContain('\x1b]0;owned');
    expect(written).not.toContain('\x1b[2J\x1b]');
    for (const row of rows.slice(3, 28)) expect(textWidth(row.trimEnd()), row).toBe(100);
  });

  test('texts and values of metadata are not drawn before x, nor after it is pressed again', async () => {
    for (const keys of [['enter'], ['enter', 'J'], ['enter', 'D'], ['x', 'enter', 'x'], ['x', 'enter', 'J', 'x']]) {
      const { rows } = await drawn(on(3, SITUATIONS.live(), 1234, keys), { columns: 160, rows: 50 });
      expect(rows.join('\n'), keys.join()).not.toMatch(/Deploys happen|Prefers the evening|OPS-|障害/);
    }
    const { rows } = await drawn(on(3, SITUATIONS.live(), 1234, ['x', 'enter']), { columns: 160, rows: 50 });
    expect(rows.join('\n')).toMatch(/Deploys happen[\s\S]*OPS-0/);
  });

  test.each([
    ['difference', ['x', 'enter', 'D']],
    ['difference-hidden', ['enter', 'D']],
    ['json', ['x', 'enter', 'J']],
  ])('the %s is what the golden shows', async (name, keys) => {
    const { rows } = await drawn(on(3, SITUATIONS.live(), 1234, keys), { columns: 100, rows: 30 });
    expectGolden(`memories-${name}-100x30`, rows);
  });

  test('without a key it says how to give one', async () => {
    const access: Event = { kind: 'memory-access', access: { kind: 'none', lookedAt: '/srv/hub/admin.key' } };
    const { rows } = await drawn([...SITUATIONS.live(), access, ...pressed('3')], { columns: 80, rows: 24 });
    expectGolden('memories-without-key-80x24', rows);
  });
});
