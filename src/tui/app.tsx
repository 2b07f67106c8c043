import { Box, Text, useInput, useWindowSize } from 'ink';
import { memo, useEffect, useSyncExternalStore } from 'react';
import { exportFiles } from './export.ts';
import { commandOf } from './keys.ts';
import { frame } from './screens/screen.ts';
import { type Copied, copied, copiedTrace } from './state/copied.ts';
import { filterOf } from './state/filter.ts';
import type { Store } from './state/store.ts';
import { keyNames } from './terminal/key-name.ts';
import { paint, type Theme } from './terminal/theme.ts';

export interface AppProps {
  readonly store: Store;
  readonly theme: Theme;
  readonly onQuit: () => void;
  readonly onRetry: () => void;
  readonly onCopy: (text: string) => void;
}

/** The interactive monitor: keys into events, the state into rows. */
export function App(props: AppProps) {
  const { store, theme } = props;
  const state = useSyncExternalStore(store.subscribe, store.state);
  const { columns, rows } = useWindowSize();
  useEffect(() => store.dispatch({ kind: 'resize', columns, rows }), [store, columns, rows]);

  useInput((input, key) => {
    for (const name of keyNames(input, key)) press(name, props);
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

function press(name: string, { store, theme, onQuit, onRetry, onCopy }: AppProps): void {
  const state = store.state();
  const { view } = state;
  const typing = view.filterBefore !== undefined && !['enter', 'escape', 'ctrl-c'].includes(name);
  const command = commandOf(name);
  if (typing) {
    store.dispatch({ kind: 'filter-text', text: typed(filterOf(state), name) });
  } else if (name === 'ctrl-c' || (command === 'quit' && !view.helpOpen)) {
    onQuit();
  } else if (command !== undefined) {
    if (command === 'retry') onRetry();
    store.dispatch({ kind: 'command', command });
    if (command === 'copy' || command === 'copy-trace')
      copy(command === 'copy' ? copied(state) : copiedTrace(state), store, onCopy);
    if (command === 'export') store.dispatch({ kind: 'notice', text: exportFiles(state, theme, process.cwd()) });
  }
}

function copy(found: Copied | undefined, store: Store, onCopy: (text: string) => void): void {
  if (found !== undefined) onCopy(found.text);
  const text = found === undefined ? 'there is no id to copy here' : `copied ${found.what} ${found.text}`;
  store.dispatch({ kind: 'notice', text });
}

/** The filter after a key; keys with a name of several letters are none of its characters. */
function typed(filter: string, name: string): string {
  if (name === 'backspace') return [...filter].slice(0, -1).join('');
  if (name === 'ctrl-u') return '';
  if (name === 'space') return `${filter} `;
  return [...name].length === 1 ? filter + name : filter;
}
