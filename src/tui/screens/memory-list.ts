import { knownRows, type MemoryBrowser, type MemoryFailure, type MemoryRow, rowAt } from '../state/memories/browser.ts';
import type { MonitorState } from '../state/state.ts';
import { fitText, type Line, printable, type Span, wrapText } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatAge, formatCount } from '../widgets/format.ts';
import { visibleRows } from '../widgets/scroll.ts';

const CURSOR_WIDTH = 2;
const AGE_WIDTH = 8;
const OWNER_WIDTH = 16;
const CATEGORY_WIDTH = 12;
/** Below this there is no room for owner and category beside the text. */
const WIDE = 64;

/** The list of memories: one row each, those that are not here yet say so. */
export function memoryListPanel(state: MonitorState, width: number, height: number, theme: Theme): Block {
  const { memories } = state;
  const known = knownRows(memories);
  const cursor = Math.min(memories.row, Math.max(0, known - 1));
  const { first, count } = visibleRows(known, cursor, height - 3);
  const inner = width - 4;
  const focused = memories.pane === 'list';
  const rows = Array.from({ length: count }, (_, i) =>
    rowLine(rowAt(memories, first + i), first + i === cursor, state, inner, theme),
  );
  const title: Line = [{ text: 'Memories', tone: focused ? 'accent' : 'title', bold: true }];
  const note: Line = known === 0 ? [] : [{ text: placeOf(memories, first, count), tone: 'dim' }];
  const lines = known === 0 ? emptyLines(memories, inner) : [heading(memories, inner), ...rows];
  return panel({ title, note, width, height, lines }, theme);
}

function heading({ order, textShown }: MemoryBrowser, width: number): Line {
  const time = order.startsWith('create') ? 'CREATED' : 'UPDATED';
  const middle = width < WIDE ? '' : `${fitText('OWNER', OWNER_WIDTH)} ${fitText('CATEGORY', CATEGORY_WIDTH)} `;
  const what = textShown ? 'TEXT' : 'KEY AND TAGS';
  return [{ text: `${' '.repeat(CURSOR_WIDTH)}${fitText(time, AGE_WIDTH)} ${middle}${what}`, tone: 'dim' }];
}

function rowLine(
  row: MemoryRow | 'gone' | undefined,
  selected: boolean,
  { nowMs, memories }: MonitorState,
  width: number,
  { glyphs }: Theme,
): Line {
  const cursor: Span | string = selected
    ? { text: fitText(glyphs.cursor, CURSOR_WIDTH), tone: 'accent' }
    : ' '.repeat(CURSOR_WIDTH);
  if (row === undefined) return [cursor, { text: 'loading', tone: 'dim' }];
  if (row === 'gone') return [cursor, { text: 'changed meanwhile; R loads the list anew', tone: 'dim' }];
  const wide = width >= WIDE;
  const taken = CURSOR_WIDTH + AGE_WIDTH + 1 + (wide ? OWNER_WIDTH + CATEGORY_WIDTH + 2 : 0);
  const cell = (text: string, columns: number) => `${fitText(printable(text), columns, glyphs.ellipsis)} `;
  const bold = selected ? { bold: true } : {};
  const timeMs = memories.order.startsWith('create') ? row.createMs : row.updateMs;
  return [
    cursor,
    { text: cell(formatAge(nowMs - timeMs), AGE_WIDTH), tone: 'dim' },
    ...(wide
      ? [cell(row.owner, OWNER_WIDTH), { text: cell(row.category || '-', CATEGORY_WIDTH), tone: 'cool3' as const }]
      : []),
    row.text === undefined
      ? {
          text: fitText(hiddenText(row), width - taken, glyphs.ellipsis),
          ...(row.key === '' ? { tone: 'dim' } : {}),
          ...bold,
        }
      : { text: fitText(printable(row.text), width - taken, glyphs.ellipsis), ...bold },
  ];
}

/** While texts are hidden, a memory is told by what is no text. */
function hiddenText({ key, tags, id }: MemoryRow): string {
  return printable([key || id, ...tags.map((tag) => `#${tag}`)].join(' '));
}

/** Without a filter the whole is what the storage counts. */
function placeOf({ total, filter, storage }: MemoryBrowser, first: number, count: number): string {
  const all = total ?? (filter === '' && storage !== undefined ? Number(storage.memories) : undefined);
  return `${first + 1}-${first + count} of ${all === undefined ? 'more' : formatCount(all)}`;
}

function emptyLines({ failures, total, filter, starts }: MemoryBrowser, width: number): readonly Line[] {
  const failure = failures.find(({ want }) => want.startsWith('page'));
  if (failure !== undefined) return failureLines(failure, filter, width);
  if (total === undefined) return [[{ text: searched(starts.length), tone: 'dim' }]];
  const text =
    filter === '' ? 'There are no memories in this workspace.' : 'No memory passes the filter. Esc drops it.';
  return [[{ text, tone: 'dim' }]];
}

/** A filter without an index goes through everything, a stretch a call. */
function searched(stretches: number): string {
  return stretches === 1 ? 'loading' : `searching: nothing in the first ${stretches - 1} stretches`;
}

/** A filter that is not understood stands here with what is wrong with it. */
function failureLines({ problem, reason }: MemoryFailure, filter: string, width: number): readonly Line[] {
  const name = reason === '' ? problem.code : `${problem.code} ${reason}`;
  const advice = problem.advice === undefined ? [] : wrapText(problem.advice, width);
  return [
    [{ text: `! ${name}`, tone: 'bad', bold: true }],
    ...wrapText(problem.text, width).map((text): Line => [{ text, tone: 'bad' }]),
    ...advice.map((text): Line => [text]),
    ...(filter === ''
      ? []
      : [
          [],
          [{ text: 'The filter was', tone: 'dim' as const }],
          ...wrapText(filter, width).map((text): Line => [text]),
        ]),
    [],
    [{ text: filter === '' ? 'R tries again.' : '/ changes the filter, Esc drops it, R tries again.', tone: 'dim' }],
  ];
}
