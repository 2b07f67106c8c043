import type { GetStorageInfoResponse, StorageCount } from '../../shared/gen/memoryhub/v1/memory_service.ts';
import { msFromTimestamp } from '../../shared/time.ts';
import type { MonitorState } from '../state/state.ts';
import { alignRight, fitText, type Line, printable } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, packed, panel } from '../widgets/block.ts';
import { formatBytes, formatClock, formatCount } from '../widgets/format.ts';

const GROUP_WIDTH = 9;
/** Narrower panels tell how many, and not how much. */
const MIN_WITH_SIZES = 34;

/** What the workspace of the memory key keeps, by scope, team and category. */
export function storagePanel(state: MonitorState, width: number, height: number, theme: Theme): Block {
  const { storage, access } = state.memories;
  const title: Line = [{ text: 'What is kept', tone: 'title', bold: true }];
  const at = storage?.at === undefined ? '' : `counted ${formatClock(msFromTimestamp(storage.at))}`;
  const note: Line = at === '' ? [] : [{ text: at, tone: 'dim' }];
  const room = height - 2;
  const lines = storage === undefined ? [hint(access.kind)] : countLines(storage, width - 4, room, theme);
  return panel({ title, note, width, height, lines }, theme);
}

function hint(access: MonitorState['memories']['access']['kind']): Line {
  const text =
    access === 'key' ? 'Not told yet.' : access === 'none' ? 'Needs a key for memories: see 3.' : 'Not in a recording.';
  return [{ text, tone: 'dim' }];
}

function countLines(storage: GetStorageInfoResponse, width: number, room: number, theme: Theme): readonly Line[] {
  const heading = packed(
    [
      { line: [`${formatCount(Number(storage.memories))} memories`], weight: 3 },
      { line: [`${formatBytes(Number(storage.contentBytes))} text`], weight: 2 },
      { line: [{ text: `${formatCount(Number(storage.deletedMemories))} deleted`, tone: 'dim' }], weight: 1 },
    ],
    width,
  );
  const groups = [
    ['scope', storage.byScope],
    ['team', storage.byTeam],
    ['category', storage.byCategory],
  ] as const;
  // Each group gets as much as the others leave; its largest come first.
  const share = Math.max(1, Math.floor((room - 1) / groups.length));
  let left = room - 1;
  return [
    heading,
    ...groups.flatMap(([name, counts], i) => {
      const most = i === groups.length - 1 ? left : Math.min(share, counts.length);
      left -= Math.min(most, counts.length);
      return counts
        .slice(0, Math.max(0, most))
        .map((count, row) => countLine(row === 0 ? name : '', count, width, theme));
    }),
  ];
}

function countLine(
  group: string,
  { name, memories, contentBytes }: StorageCount,
  width: number,
  { glyphs }: Theme,
): Line {
  const sizeWidth = width < MIN_WITH_SIZES ? 0 : 7;
  const nameWidth = Math.max(4, width - GROUP_WIDTH - 8 - sizeWidth);
  return [
    { text: fitText(group, GROUP_WIDTH), tone: 'dim' },
    fitText(printable(name) || '-', nameWidth, glyphs.ellipsis),
    alignRight(formatCount(Number(memories)), 8),
    { text: alignRight(formatBytes(Number(contentBytes)), sizeWidth), tone: 'dim' },
  ];
}
