import { knownRows, type MemoryBrowser, type MemoryFailure } from '../state/memories/browser.ts';
import type { MonitorState } from '../state/state.ts';
import { showsOnePanel } from '../state/view.ts';
import { type Line, printable, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, beside, segmentedLine } from '../widgets/block.ts';
import { formatLatency } from '../widgets/format.ts';
import { accessPanel } from './memory-access.ts';
import { memoryListPanel } from './memory-list.ts';
import { openedMemoryPanel } from './memory-panel.ts';
import { FRAME_ROWS } from './overview-layout.ts';

/** The line that says what is listed, and the line that says what the last call took. */
const OWN_ROWS = 2;

/** Memories, read-only: a list that is fetched as one goes through it, and the opened one with its history. */
export function memoriesScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const { memories, view } = state;
  const room = rows - FRAME_ROWS;
  if (memories.access.kind !== 'key') return accessPanel('Memories', memories.access, width, room, theme);
  const height = room - OWN_ROWS;
  return [queryLine(memories, width), ...panes(), statusLine(state, width)];

  function panes(): Block {
    if (memories.opened === undefined) return memoryListPanel(state, width, height, theme);
    if (showsOnePanel(view)) {
      return memories.pane === 'list'
        ? memoryListPanel(state, width, height, theme)
        : openedMemoryPanel(state, memories.opened, width, height, theme);
    }
    const left = Math.floor(width * (width < 100 ? 0.45 : 0.5));
    return beside(
      memoryListPanel(state, left, height, theme),
      openedMemoryPanel(state, memories.opened, width - left, height, theme),
    );
  }
}

function queryLine({ filter, order, textShown, access }: MemoryBrowser, width: number): Line {
  const from = access.kind === 'key' ? access.from : '';
  const dim = (text: string): Span => ({ text, tone: 'dim' });
  return segmentedLine(
    [
      { line: [dim('filter '), filter === '' ? dim('none') : printable(filter)], weight: 4 },
      { line: [dim('order '), order], weight: 3 },
    ],
    [
      { line: [{ text: 'read-only', tone: 'dim' }], weight: 1 },
      { line: [dim('key from '), dim(printable(from))], weight: 0 },
      {
        line: textShown
          ? [{ text: 'TEXT SHOWN', tone: 'warn', bold: true }, dim(', x hides')]
          : [dim('text hidden, x shows')],
        weight: 5,
      },
    ],
    width,
  );
}

/** How long the last call took and where to find its trace; or what went wrong. */
function statusLine({ memories: browser, targets }: MonitorState, width: number): Line {
  const { lastCall, failures } = browser;
  // Where there is no list, what went wrong stands in its place.
  const failure = failures.findLast(({ want }) => knownRows(browser) > 0 || !want.startsWith('page'));
  if (failure !== undefined) return segmentedLine([{ line: problemLine(failure), weight: 1 }], [], width);
  if (lastCall === undefined) return [];
  const { what, ms, traceId, server } = lastCall;
  const from = targets.length < 2 ? '' : ` from ${printable(server)}`;
  return segmentedLine(
    [
      {
        line: [`${what} in ${formatLatency(ms * 1000)}${from}`, { text: `, trace ${traceId} (Y copies)`, tone: 'dim' }],
        weight: 1,
      },
    ],
    [],
    width,
  );
}

function problemLine({ problem, reason }: MemoryFailure): Line {
  const name = reason === '' ? problem.code : `${problem.code} ${reason}`;
  return [{ text: `! ${name}: ${printable(problem.text)} ${printable(problem.advice ?? '')}`.trimEnd(), tone: 'bad' }];
}
