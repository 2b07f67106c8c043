import { runInteractive } from '../../../src/tui/interactive.tsx';
import type { Source } from '../../../src/tui/source/source.ts';
import type { Event } from '../../../src/tui/state/event.ts';
import { initialState } from '../../../src/tui/state/state.ts';
import { Store } from '../../../src/tui/state/store.ts';
import type { View } from '../../../src/tui/state/view.ts';
import type { PaletteName } from '../../../src/tui/terminal/palette.ts';
import { themeOf } from '../../../src/tui/terminal/theme.ts';
import { emulateTerminal } from './terminal.ts';

/** A recording's time stands still: nothing on the screen depends on the machine's clock. */
const SILENT: Source = {
  target: 'silent',
  live: false,
  events: (signal) => ({
    async *[Symbol.asyncIterator]() {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  }),
  configure: () => {},
  retryNow: () => {},
};

export interface Drawing {
  readonly columns: number;
  readonly rows: number;
  readonly ascii?: boolean;
  readonly colours?: boolean;
  readonly palette?: PaletteName;
  readonly view?: Partial<View>;
}

/** What the terminal shows after the events: the whole program but its source, into a real emulator. */
export async function drawn(
  events: readonly Event[],
  { columns, rows, ascii = false, colours = true, palette = 'blue-orange', view = {} }: Drawing,
) {
  const terminal = emulateTerminal(columns, rows);
  const store = new Store(initialState('127.0.0.1:50051', 0, { columns, rows, ...view }));
  for (const event of events) store.dispatch(event);
  const theme = themeOf({ ascii, depth: colours ? 'truecolor' : 'none', palette });
  const running = runInteractive(store, SILENT, theme, terminal);
  await terminal.until((screen) => screen.trim() !== '');
  const seen = await terminal.rows();
  const written = terminal.written();
  terminal.type('\x03');
  await running;
  return { rows: seen, written };
}
