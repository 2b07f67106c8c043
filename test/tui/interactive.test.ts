import { afterEach, expect, test, vi } from 'vitest';
import { Backoff } from '../../src/shared/backoff.ts';
import { timestampFromMs } from '../../src/shared/time.ts';
import { runInteractive } from '../../src/tui/interactive.tsx';
import { LiveSource } from '../../src/tui/source/live.ts';
import { initialState } from '../../src/tui/state/state.ts';
import { Store } from '../../src/tui/state/store.ts';
import { themeOf } from '../../src/tui/terminal/theme.ts';
import { trafficFrame } from './support/frames.ts';
import { startStatsServer } from './support/stats-server.ts';
import { emulateTerminal } from './support/terminal.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const ENTER_ALTERNATE = '\x1b[?1049h';
const LEAVE_ALTERNATE = '\x1b[?1049l';

/** A busy server whose past ends now. */
const past = (bootId = 'first') =>
  Array.from({ length: 30 }, (_, i) =>
    trafficFrame(90 + i, { at: timestampFromMs(Date.now() - (29 - i) * 1000), replayed: i < 29, bootId }),
  );

async function openMonitor(port = 0) {
  const server = await startStatsServer({ port, onWatch: () => past() });
  closers.push(server.kill);
  const terminal = emulateTerminal(100, 30);
  const source = new LiveSource({
    address: server.address,
    credential: 'mh_key_secret',
    settings: { intervalMs: 1000, detailMethods: [] },
    backoff: new Backoff({ initialMs: 20, factor: 1, maxMs: 20, jitter: 0 }),
  });
  const store = new Store(initialState(source.target, Date.now(), { columns: 100, rows: 30 }));
  const theme = themeOf({ ascii: false, depth: '256', palette: 'blue-orange' });
  const running = runInteractive(store, source, theme, terminal);
  closers.push(() => terminal.type('\x03'));
  return { server, terminal, running };
}

test('the monitor follows a real stream, obeys its keys and leaves the terminal as it was', async () => {
  const { server, terminal, running } = await openMonitor();
  await terminal.until((screen) => screen.includes('[● LIVE]') && screen.includes('BatchGetMemories'));
  terminal.type('jj');
  await terminal.until((screen) => screen.includes('▸ GetMemory'));
  terminal.type('\r');
  await terminal.until((screen) => screen.includes('Methods › GetMemory') && screen.includes('Where the time goes'));
  await vi.waitFor(() => expect(server.requests.at(-1)?.request.detailMethods).toEqual(['GetMemory']));
  terminal.type('\x1b');
  await terminal.until((screen) => screen.includes('Methods (7)'));
  terminal.type('/save');
  await terminal.until((screen) => screen.includes('Filter: save') && screen.includes('Methods (1 of 7)'));
  terminal.type('\r ');
  await terminal.until((screen) => screen.includes('PAUSED at'));
  terminal.type('?');
  await terminal.until((screen) => screen.includes('q closes the help'));
  terminal.type('q');
  await terminal.until((screen) => screen.includes('PAUSED at') && !screen.includes('closes the help'));
  expect(terminal.written()).toContain(ENTER_ALTERNATE);
  expect(terminal.written()).not.toContain(LEAVE_ALTERNATE);
  terminal.type('q');
  await running;
  expect(terminal.written()).toContain(LEAVE_ALTERNATE);
  expect(terminal.written().lastIndexOf('\x1b[?25h')).toBeGreaterThan(terminal.written().lastIndexOf('\x1b[?25l'));
  expect(terminal.written()).not.toContain('secret');
});

test('a lost server leaves its numbers on the screen, and its successor is shown as a restart', async () => {
  const { server, terminal, running } = await openMonitor();
  await terminal.until((screen) => screen.includes('[● LIVE]') && screen.includes('BatchGetMemories'));
  server.kill();
  const lost = await terminal.until((screen) => /RETRY .*UNAVAILABLE/.test(screen));
  expect(lost).toContain('BatchGetMemories');
  const second = await startStatsServer({ port: server.port, onWatch: () => past('second') });
  closers.push(second.kill);
  second.send(trafficFrame(1, { at: timestampFromMs(Date.now() + 1000), bootId: 'second' }));
  await terminal.until((screen) => screen.includes('[● LIVE]') && screen.includes('1 restart'));
  terminal.type('q');
  await running;
});

test('the frame fits after every resize', async () => {
  const { terminal, running } = await openMonitor();
  await terminal.until((screen) => screen.includes('BatchGetMemories'));
  for (const [columns, rows] of [
    [160, 50],
    [80, 24],
    [70, 18],
    [100, 30],
  ] as const) {
    terminal.resize(columns, rows);
    await terminal.until((screen) => {
      const lines = screen.split('\n');
      return (
        lines.length === rows &&
        lines[0]?.includes('MEMORY HUB') === true &&
        lines[rows - 1]?.includes('q quit') === true
      );
    });
    const corners = (await terminal.rows()).filter((row) => row.startsWith('╭'));
    expect(corners.length).toBeGreaterThan(0);
    for (const row of corners) expect(row).toMatch(/╮$/);
  }
  terminal.resize(50, 10);
  await terminal.until((screen) => screen.includes('needs 60x15, this is 50x10.'));
  terminal.type('q');
  await running;
});
