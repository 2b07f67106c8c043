import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SCREENS } from '../../src/tui/state/screens.ts';
import { expectGolden } from './support/golden.ts';
import { TmuxSession, tmuxSuite } from './support/tmux.ts';

const RECORDING = join(import.meta.dirname, 'recordings/busy.rec');

const sessions: TmuxSession[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});

/** The recording at its end, in a terminal of this size. */
async function replayed(columns = 100, rows = 30, flags: readonly string[] = []): Promise<TmuxSession> {
  const session = await TmuxSession.open(columns, rows);
  sessions.push(session);
  await session.enter('echo before the monitor');
  await session.monitor(['--replay', RECORDING, '--speed', '0', ...flags]);
  await session.settled((screen) => screen.includes('[REPLAY ENDED]'));
  return session;
}

/** Presses and waits until the frame says so. */
async function after(session: TmuxSession, key: string, text: string): Promise<readonly string[]> {
  await session.press(key);
  return session.settled((screen) => screen.includes(text));
}

tmuxSuite('the monitor in a real terminal', () => {
  test('every screen is the one that was approved, and the help above them all', async () => {
    const session = await replayed();
    expect(await session.fact('alternate_on')).toBe('1');
    for (const { name, number, title } of SCREENS.toReversed()) {
      expectGolden(`session-${name}-100x30`, await after(session, String(number), `[${number} ${title}]`));
    }
    expectGolden('session-help-100x30', await after(session, '?', 'closes the help'));
    await after(session, 'q', '1 col = 1s');
    await after(session, 'j', '▸ SaveMemory');
    expectGolden('session-method-100x30', await after(session, 'Enter', 'Where the time goes'));
  });

  test('a filter narrows the table with every letter, Esc while typing brings all of it back, Enter keeps it', async () => {
    const session = await replayed();
    await session.type('/save');
    await session.until((screen) => screen.includes('Filter: save') && screen.includes('Methods (1 of 7)'));
    await session.press('BSpace', 'BSpace', 'BSpace', 'BSpace');
    await session.until((screen) => screen.includes('Methods (7)'));
    await session.type('!memor');
    await session.until((screen) => screen.includes('Filter: !memor') && screen.includes('Methods (1 of 7)'));
    await session.press('Escape');
    await session.until((screen) => screen.includes('Methods (7)') && !screen.includes('Filter:'));
    await session.type('/get');
    await session.press('Enter');
    await session.until((screen) => screen.includes('Methods (2 of 7)  filter get') && !screen.includes('Filter: '));
  });

  test('every size is drawn whole, one too small says so, and the first size is drawn as before', async () => {
    const session = await replayed();
    const first = await session.rows();
    for (const [columns, rows] of [
      [80, 24],
      [55, 14],
      [144, 40],
      [100, 30],
    ] as const) {
      await session.resize(columns, rows);
      if (columns < 60) {
        await session.until((screen) => screen.includes(`needs 60x15, this is ${columns}x${rows}.`));
      } else {
        const drawn = await session.settled((screen) => isWhole(screen.split('\n'), columns, rows));
        expectGolden(`session-resized-${columns}x${rows}`, drawn);
      }
    }
    expect(await session.rows()).toEqual(first);
  });

  test('an id is in the clipboard of the terminal after y', async () => {
    const session = await replayed();
    await after(session, '5', '[5 Clients]');
    const rows = await after(session, 'y', 'copied key id');
    const id = /copied key id (\S+)/.exec(rows.at(-1) ?? '')?.[1] ?? '';
    expect(id).toMatch(/^01930f6e-7a3c-7c1e-9b1d-5a0c2e8f4d1\d$/);
    expect(await session.clipboard()).toBe(id);
  });

  test('the frame is in files after ^e as it is on the screen', async () => {
    const session = await replayed(120, 36);
    const shown = (await session.rows()).map((row) => row.trimEnd());
    await after(session, 'C-e', 'wrote ');
    const names = readdirSync(session.folder).filter((name) => name.startsWith('memory-hub-'));
    expect(names.map((name) => name.split('.').at(-1)).sort()).toEqual(['json', 'svg', 'txt']);
    const [json, svg, text] = names.sort().map((name) => readFileSync(join(session.folder, name), 'utf8'));
    expect(text?.split('\n').slice(0, -1)).toEqual(shown);
    expect(JSON.parse(json ?? '')).toMatchObject({ screen: 'overview', rows: shown });
    expect(svg).toMatch(/^<svg[^>]*>[\s\S]*MEMORY HUB[\s\S]*<\/svg>\s*$/);
    for (const name of names) expect(statSync(join(session.folder, name)).mode & 0o777).toBe(0o600);
  });

  describe.each([
    ['q', async (session: TmuxSession) => session.press('q')],
    ['^c', async (session: TmuxSession) => session.press('C-c')],
    ['SIGTERM', async (session: TmuxSession) => void process.kill(await session.childPid(), 'SIGTERM')],
  ])('ended by %s', (_name, end) => {
    test('it leaves the terminal as it found it: what was on it, the cursor, line by line input', async () => {
      const session = await replayed(80, 24);
      expect((await session.rows()).join('\n')).not.toContain('before the monitor');
      expect(await session.fact('cursor_flag')).toBe('0');
      await end(session);
      await session.until((screen) => screen.includes('before the monitor') && !screen.includes('MEMORY HUB'));
      await session.ended();
      await session.enter('stty -a; echo "code $?"');
      const screen = await session.until((text) => text.includes('code 0'));
      expect(screen).toMatch(/\sicanon\b/);
      expect(screen).toMatch(/\secho\b/);
      expect(await session.fact('alternate_on')).toBe('0');
      expect(await session.fact('cursor_flag')).toBe('1');
    });
  });

  test('with --ascii nothing but ASCII is drawn', async () => {
    const session = await replayed(80, 24, ['--ascii']);
    expect((await session.rows()).join('')).toMatch(/^[\x20-\x7e]*$/);
  });
});

/** Whether header, footer and every border are where they belong. */
function isWhole(screen: readonly string[], columns: number, rows: number): boolean {
  const corners = screen.filter((row) => row.startsWith('╭'));
  return (
    screen.length === rows &&
    screen[0]?.includes('MEMORY HUB') === true &&
    screen[rows - 1]?.includes('q quit') === true &&
    corners.length > 0 &&
    corners.every((row) => row.trimEnd().length === columns && row.trimEnd().endsWith('╮'))
  );
}
