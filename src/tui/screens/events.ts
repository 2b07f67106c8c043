import { eventKindName, eventRows, isTrouble } from '../state/event-rows.ts';
import type { SlotEvent } from '../state/slot.ts';
import type { MonitorState } from '../state/state.ts';
import { fitText, type Line, printable, wrapText } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatAge, formatClock } from '../widgets/format.ts';
import { visibleRows } from '../widgets/scroll.ts';
import { FRAME_ROWS } from './overview-layout.ts';
import { standing } from './standing.ts';
import { targetsPanel } from './targets-panel.ts';

const KIND_WIDTH = 17;
const AGE_WIDTH = 9;
/** Of an event told in full, below its sign. */
const INDENT = 4;
/** With fewer rows the events alone are shown. */
const MIN_ROOM = 17;

/** What happened: alerts and changes of state, newest first; trouble carries a sign. */
export function eventsScreen(state: MonitorState, width: number, rows: number, theme: Theme): Block {
  const room = rows - FRAME_ROWS;
  const servers = room < MIN_ROOM ? [] : targetsPanel(state, width, theme);
  const above = room < MIN_ROOM + servers.length ? servers : [...standing(state, width, theme), ...servers];
  const height = room - above.length;
  const shown = eventRows(state);
  const { filter, row } = state.view.events;
  const cursor = Math.min(row, Math.max(0, shown.length - 1));
  const opened = state.view.eventOpen ? shown[cursor] : undefined;
  const full = opened === undefined ? [] : fullLines(opened, width - 4, height - 5);
  const { first, count } = visibleRows(shown.length, cursor, height - 3 - full.length);
  const lines = shown.slice(first, first + count).flatMap((event, i): readonly Line[] => {
    const line = eventLine(event, state.view.pausedAtMs ?? state.nowMs, first + i === cursor, theme);
    return first + i === cursor ? [line, ...full] : [line];
  });
  const title: Line = [
    { text: `Events (${shown.length})`, tone: 'title', bold: true },
    ...(filter === '' ? [] : [{ text: '  filter ', tone: 'dim' as const }, printable(filter)]),
  ];
  const note: Line = [{ text: 'newest first', tone: 'dim' }];
  const heading: Line = [
    {
      text: `    ${fitText('TIME', 9)} ${fitText('AGO', AGE_WIDTH)} ${fitText('KIND', KIND_WIDTH)} WHAT`,
      tone: 'dim',
    },
  ];
  const hint: Line = [
    {
      text: filter === '' ? '  Nothing has happened yet.' : '  No event passes the filter. Esc drops it.',
      tone: 'dim',
    },
  ];
  return [
    ...above,
    ...panel({ title, note, width, height, lines: [heading, ...(lines.length > 0 ? lines : [[], hint])] }, theme),
  ];
}

/** The day, and the whole text, below the row that has no room for it. */
function fullLines({ atMs, text }: SlotEvent, width: number, most: number): readonly Line[] {
  const indent = ' '.repeat(INDENT);
  const day = `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const rows = wrapText(text, width - INDENT);
  return [
    [indent, { text: day, tone: 'dim' as const }],
    ...rows.map((row): Line => [indent, { text: row, tone: 'accent' }]),
  ].slice(0, most);
}

function eventLine(event: SlotEvent, nowMs: number, selected: boolean, { glyphs }: Theme): Line {
  const { atMs, kind, text } = event;
  const trouble = isTrouble(event);
  return [
    { text: fitText(selected ? glyphs.cursor : '', 2), tone: 'accent' },
    trouble ? { text: '! ', tone: 'bad' } : '  ',
    { text: `${formatClock(atMs)}  ${fitText(formatAge(nowMs - atMs), AGE_WIDTH)} `, tone: 'dim' },
    { text: fitText(eventKindName(kind), KIND_WIDTH), ...(trouble ? { tone: 'warn' } : {}), bold: selected },
    ` ${printable(text)}`,
  ];
}
