import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { drawnPattern, FAULTS } from '../../docs/faults.ts';
import { frame } from '../../src/tui/screens/screen.ts';
import { RecordingSource } from '../../src/tui/source/recording.ts';
import { encodeDelimited, openRecording } from '../../src/tui/source/recording-file.ts';
import { ReplaySource } from '../../src/tui/source/replay.ts';
import type { Source } from '../../src/tui/source/source.ts';
import { reduce } from '../../src/tui/state/reduce.ts';
import { initialState, type MonitorState } from '../../src/tui/state/state.ts';
import { plainText } from '../../src/tui/terminal/line.ts';
import { themeOf } from '../../src/tui/terminal/theme.ts';
import { trafficFrame } from './support/frames.ts';
import { replayed } from './support/recorded-fault.ts';

const folder = mkdtempSync(join(tmpdir(), 'recording-'));
afterAll(() => rmSync(folder, { recursive: true }));

const messages = Array.from({ length: 20 }, (_, i) => ({ frame: trafficFrame(100 + i), target: '' }));

const readAll = (path: string) => [...openRecording(path)];

async function play(source: Source): Promise<MonitorState> {
  let state = initialState('x', 0, { columns: 120, rows: 36 });
  for await (const event of source.events(new AbortController().signal)) state = reduce(state, event);
  return state;
}

const drawn = (state: MonitorState) =>
  frame(state, themeOf({ ascii: false, depth: 'none', palette: 'blue-orange' })).map(({ line }) => plainText(line));

test('a recording replayed shows the same frames as what was recorded', async () => {
  const path = join(folder, 'a.rec');
  const recorded = await play(new RecordingSource(new ReplaySource({ target: 'x', messages, speed: 0 }), path));
  expect(readAll(path)).toEqual(messages);
  expect(drawn(await play(new ReplaySource({ target: 'x', messages: readAll(path), speed: 0 })))).toEqual(
    drawn(recorded),
  );
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a recording cut off in mid-message gives the frames before', async () => {
  const path = join(folder, 'cut.rec');
  await play(new RecordingSource(new ReplaySource({ target: 'x', messages, speed: 0 }), path));
  truncateSync(path, statSync(path).size - 10);
  expect(readAll(path)).toEqual(messages.slice(0, -1));
});

test('a file that holds no frames is refused', () => {
  const path = join(folder, 'empty.rec');
  writeFileSync(path, '');
  expect(() => readAll(path)).toThrow('it holds no frames');
});

test('a replay that is stopped ends at once', async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const { kind } of new ReplaySource({ target: 'x', messages, speed: 0.001 }).events(stop.signal)) {
    seen.push(kind);
    if (kind === 'frame') stop.abort();
  }
  expect(seen).toEqual(['connection', 'frame']);
});

test.each(Object.entries(FAULTS))(
  'where one looks for "%s", a busy server that is well says nothing of it',
  async (_name, fault) => {
    const path = join(folder, 'well.rec');
    const well = Array.from({ length: 120 }, (_, second) => {
      const sent = trafficFrame(second);
      return { ...sent, tables: sent.tables.map((table) => ({ ...table, sequentialScans: 3n })) };
    });
    writeFileSync(path, Buffer.concat(well.map((one) => encodeDelimited({ frame: one, target: '' }))));
    const seen = await replayed(path, fault.keys);
    // It is the right screen, and has something on it.
    expect(seen).toContain(fault.keys[0] === undefined ? '[1 Overview]' : `[${fault.keys[0]} `);
    expect(seen).toMatch(/BatchGetMemories|write_changes|svc-planner|Events \([1-9]/);
    expect(seen).not.toMatch(drawnPattern(fault.reads));
  },
);
