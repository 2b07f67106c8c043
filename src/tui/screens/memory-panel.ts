import type { Memory } from '../../shared/gen/memoryhub/v1/memory.ts';
import { Scope } from '../../shared/gen/memoryhub/v1/memory.ts';
import { isHiddenName } from '../../shared/sensitive-names.ts';
import { msFromTimestamp } from '../../shared/time.ts';
import type { OpenedMemory, RevisionRow } from '../state/memories/browser.ts';
import { MASK, withoutSecrets } from '../state/memories/secrets.ts';
import type { MonitorState } from '../state/state.ts';
import { fitText, type Line, printable, type Span, wrapText } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatAge, formatBytes } from '../widgets/format.ts';
import { visibleRows } from '../widgets/scroll.ts';
import { diffLines } from './memory-diff.ts';
import { jsonLines } from './memory-json.ts';

const LABEL_WIDTH = 9;
/** Rows of the history that are shown beside a long text. */
const HISTORY_ROWS = 6;
/** In the order of memoryhub.v1.Operation. */
const OPERATIONS = ['changed', 'created', 'updated', 'deleted', 'restored'];

/** The opened memory: its fields, its text, its history; or the difference of two revisions; or JSON. */
export function openedMemoryPanel(
  state: MonitorState,
  opened: OpenedMemory,
  width: number,
  height: number,
  theme: Theme,
): Block {
  const focused = state.memories.pane === 'memory';
  const name = { memory: 'Memory', json: 'Memory as JSON', diff: 'Difference' }[opened.mode];
  const title: Line = [{ text: name, tone: focused ? 'accent' : 'title', bold: true }];
  const inner = width - 4;
  const room = height - 2;
  const lines = openedLines(state, opened, inner, room, theme);
  if (opened.mode === 'memory') return panel({ title, width, height, lines }, theme);
  const { shown, note } = scrolled(lines, opened.top, room);
  return panel({ title, note, width, height, lines: shown }, theme);
}

/** What is shown of it, whatever the mode, without its border. */
export function openedLines(
  state: MonitorState,
  opened: OpenedMemory,
  width: number,
  room: number,
  theme: Theme,
): readonly Line[] {
  const { textShown } = state.memories;
  if (opened.mode === 'memory') return memoryLines(state, opened, width, room, theme);
  return opened.mode === 'json' ? jsonLines(opened, textShown, width) : diffLines(opened, textShown, width);
}

function scrolled(lines: readonly Line[], top: number, room: number): { shown: readonly Line[]; note: Line } {
  const first = Math.min(top, Math.max(0, lines.length - room));
  const note = lines.length <= room ? '' : `${first + 1}-${Math.min(lines.length, first + room)} of ${lines.length}`;
  return { shown: lines.slice(first, first + room), note: note === '' ? [] : [{ text: note, tone: 'dim' }] };
}

function memoryLines(
  state: MonitorState,
  opened: OpenedMemory,
  width: number,
  room: number,
  theme: Theme,
): readonly Line[] {
  const { memory } = opened;
  if (memory === undefined) return [field('id', opened.id), [{ text: 'loading', tone: 'dim' }]];
  const fields = fieldLines(memory, state, width, theme);
  const history = historyLines(state, opened, Math.min(HISTORY_ROWS, Math.max(2, room - fields.length - 4)), theme);
  const left = Math.max(1, room - fields.length - history.length - 2);
  const text = state.memories.textShown
    ? opened.withText
      ? wrapText(memory.content, width).map((row): Line => [row])
      : [[{ text: 'loading', tone: 'dim' as const }]]
    : [[{ text: 'hidden; x shows it', tone: 'dim' as const }]];
  const { shown, note } = scrolled(text, opened.top, left);
  return [
    ...fields,
    ruler('text', note, width, theme),
    ...shown,
    ...Array.from({ length: left - shown.length }, (): Line => []),
    ruler('history', [{ text: 'Enter marks, D difference', tone: 'dim' }], width, theme),
    ...history,
  ];
}

function fieldLines(memory: Memory, state: MonitorState, width: number, theme: Theme): readonly Line[] {
  const { nowMs, memories } = state;
  const at = (time: Memory['createTime']) =>
    time === undefined ? 'never' : `${new Date(msFromTimestamp(time)).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const ago = memory.updateTime === undefined ? '' : ` (${formatAge(nowMs - msFromTimestamp(memory.updateTime))} ago)`;
  const lines = [
    field('id', memory.id),
    ...(memory.key === '' ? [] : [field('key', memory.key)]),
    field('owner', ownerOf(memory)),
    ...(memory.category === '' ? [] : [field('category', memory.category)]),
    field('revision', `${memory.revision}  etag ${memory.etag}`),
    field('created', at(memory.createTime)),
    field('updated', `${at(memory.updateTime)}${ago}`),
    field('author', memory.author),
    ...(memory.deleteTime === undefined ? [] : [field('deleted', at(memory.deleteTime))]),
    field('expires', at(memory.expireTime)),
    ...(memory.tags.length === 0 ? [] : [field('tags', memory.tags.join(', '))]),
    ...(memories.textShown && memory.content !== ''
      ? [field('size', formatBytes(Buffer.byteLength(memory.content)))]
      : []),
    ...metadataLines(memory, memories.textShown),
  ];
  return lines.map((line) => cutLine(line, width, theme));
}

function cutLine(line: Line, width: number, { glyphs }: Theme): Line {
  const [label, value] = line;
  const text = typeof value === 'string' ? value : (value?.text ?? '');
  return [label ?? '', fitText(text, Math.max(1, width - LABEL_WIDTH), glyphs.ellipsis)];
}

/** Names are shown, values are texts. */
function metadataLines({ metadata }: Memory, textShown: boolean): readonly Line[] {
  if (metadata === undefined) return textShown ? [] : [field('metadata', 'hidden')];
  return Object.entries(metadata).map(([name, value], i) => {
    const text = !textShown ? 'hidden' : isHiddenName(name) ? MASK : JSON.stringify(withoutSecrets(value));
    return field(i === 0 ? 'metadata' : '', `${name} ${text}`);
  });
}

function ownerOf({ scope, userId, team }: Memory): string {
  if (scope === Scope.PERSONAL) return `personal, user ${userId}`;
  return scope === Scope.TEAM ? `team ${team}` : 'workspace';
}

function field(name: string, text: string): Line {
  return [{ text: name.padEnd(LABEL_WIDTH), tone: 'dim' }, printable(text)];
}

function ruler(name: string, note: Line, width: number, { glyphs }: Theme): Line {
  const noteText = note.map((span) => (typeof span === 'string' ? span : span.text)).join('');
  const rest = Math.max(0, width - name.length - 5 - (noteText === '' ? 0 : noteText.length + 1));
  const text = `${glyphs.horizontal.repeat(3)} ${name} ${glyphs.horizontal.repeat(rest)}${noteText === '' ? '' : ` ${noteText}`}`;
  return [{ text, tone: 'border' }];
}

function historyLines(state: MonitorState, opened: OpenedMemory, rows: number, theme: Theme): readonly Line[] {
  const { revisions, revisionRow, revisionsToken } = opened;
  if (revisionsToken === undefined && revisions.length === 0) return [[{ text: 'loading', tone: 'dim' }]];
  const { first, count } = visibleRows(revisions.length, revisionRow, rows);
  return revisions
    .slice(first, first + count)
    .map((row, i) => revisionLine(row, first + i === revisionRow, row.revision === opened.marked, state, theme));
}

function revisionLine(
  { revision, operation, author, note, createMs }: RevisionRow,
  selected: boolean,
  marked: boolean,
  { nowMs, memories }: MonitorState,
  { glyphs }: Theme,
): Line {
  const cursor: Span = { text: selected && memories.pane === 'memory' ? glyphs.cursor : ' ', tone: 'accent' };
  return [
    cursor,
    marked ? { text: '*', tone: 'warn' } : ' ',
    { text: fitText(String(revision), 4), bold: selected },
    { text: fitText(formatAge(nowMs - createMs), 8), tone: 'dim' },
    `${fitText(OPERATIONS[operation] ?? 'changed', 9)}${printable(author)}  `,
    { text: printable(note), tone: 'dim' },
  ];
}
