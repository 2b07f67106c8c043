import { render } from 'ink';
import { App } from './app.tsx';
import type { MemoriesSource } from './source/memories.ts';
import type { Source } from './source/source.ts';
import type { MemoryAnswer } from './state/memories/answer.ts';
import { askedServer, memoryWants } from './state/memories/wants.ts';
import type { Store } from './state/store.ts';
import { clipboardSequence } from './terminal/clipboard.ts';
import type { Theme } from './terminal/theme.ts';

/** Bounds what a burst of frames or keys can cost. */
const MAX_FPS = 15;
const TICK_MS = 1000;

/** Where it draws and is typed into. */
export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

export interface InteractiveOptions extends TerminalStreams {
  /** Reads memories for their screen; absent: there is no key for it. */
  readonly memories?: ((answer: (answer: MemoryAnswer) => void) => MemoriesSource) | undefined;
}

/** Runs the monitor on the terminal until it is quit; the terminal is left as it was found. */
export async function runInteractive(
  store: Store,
  source: Source,
  theme: Theme,
  { stdin, stdout, memories }: InteractiveOptions = process,
): Promise<void> {
  const stop = new AbortController();
  const app = render(
    <App
      store={store}
      theme={theme}
      onQuit={() => stop.abort()}
      onRetry={() => source.retryNow()}
      onCopy={(text) => stdout.write(clipboardSequence(text))}
    />,
    {
      stdin,
      stdout,
      interactive: true,
      alternateScreen: true,
      incrementalRendering: true,
      maxFps: MAX_FPS,
      exitOnCtrlC: false,
      patchConsole: false,
    },
  );
  const onSignal = () => stop.abort();
  process.once('SIGTERM', onSignal).once('SIGHUP', onSignal);
  // Ages and waits count on while nothing arrives; a frame brings its own time.
  const ticker = setInterval(() => {
    const { connection, nowMs } = store.state();
    const idle = connection.phase !== 'live' || Date.now() - nowMs > 2 * TICK_MS;
    if (source.live && idle) store.dispatch({ kind: 'tick', nowMs: Date.now() });
  }, TICK_MS);
  const reader = memories?.((answer) => store.dispatch({ kind: 'memory-answer', answer }));
  const unsubscribe = store.subscribe(() => {
    reader?.serve(memoryWants(store.state()), askedServer(store.state()));
    const { screen, selected, intervalMs } = store.state().view;
    const detailed = screen === 'method' && selected !== undefined;
    source.configure({ intervalMs, detailMethods: detailed ? [selected] : [], totals: detailed });
  });
  try {
    const ended = new Promise<void>((resolve) =>
      stop.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    await Promise.race([follow(source, store, stop.signal), app.waitUntilExit()]);
    // A recording that is over stays on the screen; a crash of the screen ends everything.
    await Promise.race([ended, app.waitUntilExit()]);
  } finally {
    stop.abort();
    clearInterval(ticker);
    unsubscribe();
    reader?.close();
    process.off('SIGTERM', onSignal).off('SIGHUP', onSignal);
    app.unmount();
    await app.waitUntilExit().catch(() => {});
  }
}

async function follow(source: Source, store: Store, signal: AbortSignal): Promise<void> {
  for await (const event of source.events(signal)) store.dispatch(event);
}
