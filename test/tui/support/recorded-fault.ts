import { setTimeout as sleep } from 'node:timers/promises';
import { commandOf } from '../../../src/tui/keys.ts';
import { frame } from '../../../src/tui/screens/screen.ts';
import { LiveSource } from '../../../src/tui/source/live.ts';
import { RecordingSource } from '../../../src/tui/source/recording.ts';
import { openRecording } from '../../../src/tui/source/recording-file.ts';
import { ReplaySource } from '../../../src/tui/source/replay.ts';
import { SeveralSource } from '../../../src/tui/source/several.ts';
import type { Source, SourceSettings } from '../../../src/tui/source/source.ts';
import { reduce } from '../../../src/tui/state/reduce.ts';
import { initialState } from '../../../src/tui/state/state.ts';
import { plainText } from '../../../src/tui/terminal/line.ts';
import { themeOf } from '../../../src/tui/terminal/theme.ts';

const SETTINGS: SourceSettings = { intervalMs: 1000, detailMethods: [] };
const SIZE = { columns: 120, rows: 36 };
/** The frame of the last second of what happened is sent at its end. */
const LAST_FRAME_MS = 1_200;

/** Records what `memory-hub monitor --record` would of these servers, while something happens there. */
export async function record(
  path: string,
  addresses: readonly string[],
  credential: string,
  happens: () => Promise<void>,
): Promise<void> {
  // Of the past only what is needed to begin with: what was planted before is not this one's.
  const open = (address: string): Source =>
    new LiveSource({
      address,
      credential,
      settings: SETTINGS,
      replayMs: 0,
    });
  const [first, ...others] = addresses;
  const source =
    others.length === 0 && first !== undefined
      ? open(first)
      : new SeveralSource('servers', { addresses: async () => addresses, open, settings: SETTINGS });
  const stop = new AbortController();
  const { promise: watched, resolve } = Promise.withResolvers<void>();
  const watching = new Set<string>();
  const recording = (async () => {
    for await (const event of new RecordingSource(source, path).events(stop.signal)) {
      if (event.kind === 'frame') watching.add(event.target ?? '');
      if (watching.size === addresses.length) resolve();
    }
  })();
  try {
    // The monitor was open before.
    await watched;
    await happens();
    await sleep(LAST_FRAME_MS);
  } finally {
    stop.abort();
    await recording;
  }
}

/** What the monitor shows at the end of a recording, after these keys. */
export async function replayed(path: string, keys: readonly string[]): Promise<string> {
  let state = initialState(path, 0, SIZE);
  const source = new ReplaySource({ target: path, messages: openRecording(path), speed: 0 });
  for await (const event of source.events(new AbortController().signal)) state = reduce(state, event);
  for (const key of keys) {
    const command = commandOf(key);
    if (command === undefined) throw new Error(`no command has the key ${key}`);
    state = reduce(state, { kind: 'command', command });
  }
  const theme = themeOf({ ascii: false, depth: 'none', palette: 'blue-orange' });
  return frame(state, theme)
    .map(({ line }) => plainText(line))
    .join('\n');
}
