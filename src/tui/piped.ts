import { once } from 'node:events';
import { plainLine, plainTable } from './plain.ts';
import type { Source } from './source/source.ts';
import { reportOf } from './state/report.ts';
import type { MonitorState } from './state/state.ts';
import type { Store } from './state/store.ts';
import { isDown } from './state/target.ts';

export interface PipedOptions {
  /** End with the first frame that is not of the past. */
  readonly once: boolean;
  /** JSON instead of text. */
  readonly json?: boolean;
  /** Instead of standard output. */
  readonly print?: (text: string) => void | Promise<void>;
}

/**
 * Prints frames instead of drawing them. A server that cannot be watched from the start ends it
 * with a sentence on standard error; one that is lost later is waited for, as on the screen.
 *
 * @returns the exit code: 0, or 1 when there was nothing to watch
 */
export async function runPiped(store: Store, source: Source, options: PipedOptions): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  // The reader of the pipe left: `| head -1` is no error.
  const onPipeError = () => stop.abort();
  process.stdout.on('error', onPipeError);
  const print = options.print ?? printLine;
  try {
    for await (const event of source.events(stop.signal)) {
      store.dispatch(event);
      const state = store.state();
      if (event.kind === 'connection') {
        if (event.connection.phase === 'replaying' && event.connection.damage !== undefined) {
          console.error(`${source.target}: ${event.connection.damage}; what comes before it is shown`);
        }
        if (event.connection.phase !== 'retrying') continue;
        const { problem } = event.connection;
        console.error(
          [`${event.target ?? source.target}: ${problem.code} ${problem.text}`, problem.advice]
            .filter(Boolean)
            .join('\n'),
        );
        const hopeless = state.targets.every((target) => isDown(target) && target.framesReceived === 0);
        if (hopeless) return 1;
        continue;
      }
      if (event.kind !== 'frame') continue;
      if (event.frame.replayed || (options.once && !source.live)) continue;
      await print(textOf(state, options));
      if (options.once) return 0;
    }
    if (options.once && !source.live) await print(textOf(store.state(), options));
    return 0;
  } finally {
    stop.abort();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    process.stdout.off('error', onPipeError);
  }
}

function textOf(state: MonitorState, { once: single, json }: PipedOptions): string {
  if (json) return JSON.stringify(reportOf(state));
  return single ? plainTable(state) : plainLine(state);
}

/** Waits for a slow reader: frames are not piled up in memory. One that left is noticed by its error event. */
async function printLine(text: string): Promise<void> {
  if (process.stdout.write(`${text}\n`)) return;
  await Promise.race([once(process.stdout, 'drain'), once(process.stdout, 'close')]).catch(() => {});
}
