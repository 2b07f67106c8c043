import { Box, Text, useInput, useWindowSize } from 'ink';
import { memo, useEffect, useSyncExternalStore } from 'react';
import { commandOf } from './keys.ts';
import { frame } from './screens/screen.ts';
import type { Store } from './state/store.ts';
import { keyName } from './terminal/key-name.ts';
import { paint, type Theme } from './terminal/theme.ts';

export interface AppProps {
  readonly store: Store;
  readonly theme: Theme;
  readonly onQuit: () => void;
  readonly onRetry: () => void;
}

/** The interactive monitor: keys into events, the state into rows. */
export function App({ store, theme, onQuit, onRetry }: AppProps) {
  const state = useSyncExternalStore(store.subscribe, store.state);
  const { columns, rows } = useWindowSize();
  useEffect(() => store.dispatch({ kind: 'resize', columns, rows }), [store, columns, rows]);

  useInput((input, key) => {
    const name = keyName(input, key);
    if (name === 'ctrl-c') return onQuit();
    const { view } = store.state();
    if (view.filterBefore !== undefined && name !== 'enter' && name !== 'escape') {
      store.dispatch({ kind: 'filter-text', text: typed(view.filter, name, input) });
      return;
    }
    const command = commandOf(name);
    if (command === undefined) return;
    if (command === 'quit' && !view.helpOpen) return onQuit();
    if (command === 'retry') return onRetry();
    store.dispatch({ kind: 'command', command });
  });

  const stale: Theme = { ...theme, stale: true };
  return (
    <Box flexDirection="column" width={state.view.columns} height={state.view.rows}>
      {frame(state, theme).map((row, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its place
        <Row key={i} text={paint(row.line, row.stale ? stale : theme)} />
      ))}
    </Box>
  );
}

/** One <Text> a row: a box for each cell costs three times as much a frame. */
const Row = memo(function Row({ text }: { readonly text: string }) {
  return <Text wrap="truncate-end">{text}</Text>;
});

/** The filter after a key: pasted text comes as one input. */
function typed(filter: string, name: string, input: string): string {
  if (name === 'backspace') return [...filter].slice(0, -1).join('');
  if (name === 'ctrl-u') return '';
  return name.length > 1 && name !== 'space' && input.length === 0 ? filter : filter + input.replace(/\p{Cc}/gu, '');
}
