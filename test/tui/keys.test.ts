import { expect, test } from 'vitest';
import { commandOf, KEYS } from '../../src/tui/keys.ts';
import { helpScreen } from '../../src/tui/screens/help.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { SCREENS } from '../../src/tui/state/screens.ts';
import { keyNames } from '../../src/tui/terminal/key-name.ts';
import { plainText } from '../../src/tui/terminal/line.ts';
import { themeOf } from '../../src/tui/terminal/theme.ts';
import { footer } from '../../src/tui/widgets/footer.ts';
import { busyEvents, SITUATIONS, stateAfter } from './support/screens.ts';

const theme = themeOf({ ascii: true, depth: 'none', palette: 'blue-orange' });
type InkKey = Parameters<typeof keyNames>[1];
const noKey = {} as InkKey;

test('every key has one meaning', () => {
  const keys = KEYS.flatMap((binding) => binding.keys);
  expect(new Set(keys).size).toBe(keys.length);
  expect(new Set(KEYS.map(({ command }) => command)).size).toBe(KEYS.length);
  for (const { keys: names, command } of KEYS) for (const key of names) expect(commandOf(key)).toBe(command);
  expect(commandOf('Z')).toBeUndefined();
});

test('the help has a row for every key of the table', () => {
  const rows = helpScreen(140, 60, 0, theme).map(plainText);
  for (const { label, help } of KEYS) {
    expect(rows.filter((row) => row.includes(`  ${label} `) && row.includes(help))).toHaveLength(1);
  }
});

test('the help can be scrolled to its last row where it does not fit', () => {
  const last = KEYS.at(-1)?.help ?? '';
  expect(helpScreen(100, 20, 0, theme).map(plainText).join()).not.toContain(last);
  expect(helpScreen(100, 20, KEYS.length, theme).map(plainText).join()).toContain(last);
});

test('the footer names the keys that do something here', () => {
  const shown = (state: Parameters<typeof footer>[0]) => plainText(footer(state, 120));
  const live = shown(stateAfter(busyEvents()));
  expect(live).toContain('s sort');
  expect(live).toContain('q quit');
  expect(live).not.toContain('R retry');
  expect(shown(stateAfter(SITUATIONS.disconnected()))).toContain('R retry');
  expect(shown(stateAfter(SITUATIONS.paused()))).toContain('End live');
  const detail = shown(stateAfter([...busyEvents(), { kind: 'command', command: 'open' }]));
  expect(detail).toContain('Esc back');
  expect(detail).not.toContain('s sort');
});

test('keys that come together are taken one by one', () => {
  expect(keyNames('jj\r', noKey)).toEqual(['j', 'j', 'enter']);
  expect(keyNames(' ', noKey)).toEqual(['space']);
  expect(keyNames('d', { ctrl: true } as InkKey)).toEqual(['ctrl-d']);
  expect(keyNames('', { pageDown: true } as InkKey)).toEqual(['pagedown']);
  expect(keyNames('OP', noKey)).toEqual(['f1']);
});

test('numbers and Tab lead to every screen of the tab line, and Esc back to the overview', () => {
  const press = (state: ReturnType<typeof stateAfter>, ...names: readonly string[]) =>
    names.reduce((before, name) => {
      const command = commandOf(name);
      return command === undefined ? before : reduce(before, { kind: 'command', command });
    }, state);
  const start = stateAfter(busyEvents(), { columns: 100, rows: 30 });
  for (const { name, number } of SCREENS) expect(press(start, String(number)).view.screen).toBe(name);
  let turned = start;
  for (const { name } of [...SCREENS.slice(1), SCREENS[0]]) {
    turned = press(turned, 'tab');
    expect(turned.view.screen).toBe(name);
    expect(press(turned, 'escape').view.screen).toBe('overview');
  }
  expect(press(start, 'shift-tab').view.screen).toBe(SCREENS.at(-1)?.name);
  expect(press(start, '2', 'j', 'enter').view).toMatchObject({ screen: 'method', selected: 'SaveMemory' });
  expect(press(start, '2', 'j', 'enter', 'escape').view.screen).toBe('methods');
  expect(keyNames('', { tab: true, shift: true } as InkKey)).toEqual(['shift-tab']);
});
