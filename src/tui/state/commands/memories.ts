import type { Command } from '../../keys.ts';
import {
  FIRST_PAGE,
  kept,
  knownRows,
  type MemoryBrowser,
  type OpenedMemory,
  ORDERS,
  rowAt,
} from '../memories/browser.ts';
import type { MonitorState } from '../state.ts';
import { after, movedRow, withView } from './with-view.ts';

const SCROLL = 5;

/** Keys of the memory browser: the list at the left, the opened memory at the right. */
export function onMemories(state: MonitorState, command: Command): MonitorState | undefined {
  const { memories } = state;
  switch (command) {
    case 'next-panel':
    case 'previous-panel':
      if (memories.opened === undefined) return undefined;
      return withBrowser(state, { pane: memories.pane === 'list' ? 'memory' : 'list' });
    case 'order':
      return withBrowser(state, asked(memories, { order: after(ORDERS, memories.order) }));
    case 'retry':
      return withBrowser(state, asked(memories, {}));
    case 'show-text':
      return withBrowser(state, memories.textShown ? textHidden(memories) : { textShown: true });
    case 'back':
      return goBack(state);
    default:
      return memories.pane === 'memory' && memories.opened !== undefined
        ? inMemory(state, memories.opened, command)
        : inList(state, command);
  }
}

function withBrowser(state: MonitorState, change: Partial<MemoryBrowser>): MonitorState {
  return { ...state, memories: { ...state.memories, ...change } };
}

/** The list is asked for anew, from its top. */
export function asked(
  { query }: MemoryBrowser,
  change: Partial<Pick<MemoryBrowser, 'filter' | 'order'>>,
): Partial<MemoryBrowser> {
  return { ...change, query: query + 1, pages: [], starts: FIRST_PAGE, total: undefined, row: 0, failures: [] };
}

/** Texts leave the memory of the monitor too, not the screen alone. */
function textHidden({ pages, opened }: MemoryBrowser): Partial<MemoryBrowser> {
  return {
    textShown: false,
    pages: pages.map((page) => ({
      ...page,
      withText: false,
      rows: page.rows.map((row) => ({ ...row, text: undefined })),
    })),
    opened: opened && {
      ...opened,
      withText: false,
      bodies: [],
      memory: opened.memory && { ...opened.memory, content: '', metadata: undefined },
    },
  };
}

function inList(state: MonitorState, command: Command): MonitorState | undefined {
  const { memories } = state;
  if (command === 'open') {
    const row = rowAt(memories, memories.row);
    if (row === undefined || row === 'gone') return state;
    return withBrowser(state, { opened: opened(row.id), pane: 'memory', failures: [] });
  }
  if (command === 'json' || command === 'diff')
    return memories.opened === undefined ? state : inMemory(state, memories.opened, command);
  const known = knownRows(memories);
  const row = movedRow(command, memories.row, known);
  if (row === undefined) return undefined;
  const moved = withBrowser(state, { row, pages: kept(memories, row, state.view.rows) });
  if (command !== 'bottom' || memories.total !== undefined || known === 0) return moved;
  // Its end is found by going through all of it: nobody asks a server for that with one key.
  return withView(moved, { notice: `row ${known}, and there are more: G goes on, o shows the other end first` });
}

function opened(id: string): OpenedMemory {
  return {
    id,
    memory: undefined,
    withText: false,
    revisions: [],
    revisionsToken: undefined,
    revisionRow: 0,
    marked: undefined,
    bodies: [],
    mode: 'memory',
    top: 0,
  };
}

/** j and k go through the history, PgDn and PgUp through the text, Enter marks the revision to compare with. */
function inMemory(state: MonitorState, memory: OpenedMemory, command: Command): MonitorState | undefined {
  const change = (next: Partial<OpenedMemory>) =>
    withBrowser(state, { opened: { ...memory, ...next }, pane: 'memory' });
  switch (command) {
    case 'json':
      return change({ mode: memory.mode === 'json' ? 'memory' : 'json', top: 0 });
    case 'diff':
      return change({ mode: memory.mode === 'diff' ? 'memory' : 'diff', top: 0 });
    case 'open': {
      const revision = memory.revisions[memory.revisionRow]?.revision;
      return change({ marked: memory.marked === revision ? undefined : revision });
    }
    case 'page-down':
      return change({ top: memory.top + SCROLL });
    case 'page-up':
      return change({ top: Math.max(0, memory.top - SCROLL) });
    default: {
      if (memory.mode === 'json' && command === 'down') return change({ top: memory.top + 1 });
      if (memory.mode === 'json' && command === 'up') return change({ top: Math.max(0, memory.top - 1) });
      const row = movedRow(command, memory.revisionRow, memory.revisions.length);
      return row === undefined
        ? undefined
        : change({ revisionRow: row, ...(memory.mode === 'diff' ? { top: 0 } : {}) });
    }
  }
}

/** Esc: from the difference or JSON to the memory, from the memory to the list, from the list to all of it. */
function goBack(state: MonitorState): MonitorState | undefined {
  const { opened: memory, filter } = state.memories;
  if (memory !== undefined && memory.mode !== 'memory') {
    return withBrowser(state, { opened: { ...memory, mode: 'memory', top: 0 } });
  }
  if (memory !== undefined) return withBrowser(state, { opened: undefined, pane: 'list', failures: [] });
  return filter === '' ? undefined : withBrowser(state, asked(state.memories, { filter: '' }));
}

/** What `y` copies here: the id of the memory. */
export function copiedId({ memories }: MonitorState): string | undefined {
  const row = rowAt(memories, memories.row);
  return memories.opened?.id ?? (row === 'gone' ? undefined : row?.id);
}
