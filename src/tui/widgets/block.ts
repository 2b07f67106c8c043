import { fitLine, type Line, lineWidth, spread } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';

/** Rows of one width: what a widget draws and a screen puts together. */
export type Block = readonly Line[];

/** Blocks of equal height next to each other. */
export function beside(...blocks: readonly Block[]): Block {
  const height = Math.max(...blocks.map((block) => block.length));
  return Array.from({ length: height }, (_, row) => blocks.flatMap((block) => block[row] ?? []));
}

export interface PanelOptions {
  readonly title: Line;
  /** At the right end of the top border. */
  readonly note?: Line;
  readonly width: number;
  /** Border included. */
  readonly height: number;
  readonly lines: readonly Line[];
}

/** A bordered panel; its rows are cut or filled to fit, one blank from the border. */
export function panel({ title, note = [], width, height, lines }: PanelOptions, { glyphs }: Theme): Block {
  const inner = width - 4;
  const rows = Array.from(
    { length: Math.max(0, height - 2) },
    (_, row): Line => [
      { text: `${glyphs.vertical} `, tone: 'border' },
      ...fitLine(lines[row] ?? [], inner),
      { text: ` ${glyphs.vertical}`, tone: 'border' },
    ],
  );
  const bottom = glyphs.bottomLeft + glyphs.horizontal.repeat(Math.max(0, width - 2)) + glyphs.bottomRight;
  return [topBorder(title, note, width, glyphs), ...rows, [{ text: bottom, tone: 'border' }]];
}

function topBorder(title: Line, note: Line, width: number, glyphs: Theme['glyphs']): Line {
  const room = width - 6;
  const titleFits = fitLine(title, Math.min(lineWidth(title), room));
  const noteFits = lineWidth(note) > 0 && lineWidth(titleFits) + lineWidth(note) + 3 <= room;
  const rest = room - lineWidth(titleFits) - (noteFits ? lineWidth(note) + 2 : 0);
  return [
    { text: `${glyphs.topLeft}${glyphs.horizontal} `, tone: 'border' },
    ...titleFits,
    { text: ` ${glyphs.horizontal.repeat(Math.max(0, rest))}`, tone: 'border' },
    ...(noteFits ? [' ', ...note, ' '] : []),
    { text: `${glyphs.horizontal}${glyphs.topRight}`, tone: 'border' },
  ];
}

/** A part of a row that gives way when there is no room: the least important goes first. */
export interface Segment {
  readonly line: Line;
  /** Higher stays longer. */
  readonly weight: number;
}

/** As many segments as fit, the heaviest, in their order with two blanks between them. */
export function packed(segments: readonly Segment[], width: number): Line {
  const kept = new Set(segments);
  const joined = (): Line =>
    segments
      .filter((segment) => kept.has(segment))
      .flatMap((segment, i) => (i === 0 ? segment.line : ['  ', ...segment.line]));
  for (const lightest of [...segments].sort((a, b) => a.weight - b.weight)) {
    if (lineWidth(joined()) <= width || kept.size === 1) break;
    kept.delete(lightest);
  }
  return joined();
}

/** Segments at the left and at the right end of a row with a blank at both ends; the lightest give way. */
export function segmentedLine(left: readonly Segment[], right: readonly Segment[], width: number): Line {
  const inner = width - 2;
  const all = [...left, ...right].sort((a, b) => a.weight - b.weight);
  const kept = new Set(all);
  const side = (segments: readonly Segment[]) =>
    packed(
      segments.filter((segment) => kept.has(segment)),
      Number.POSITIVE_INFINITY,
    );
  for (const lightest of all) {
    if (lineWidth(side(left)) + lineWidth(side(right)) + 2 <= inner || kept.size === 1) break;
    kept.delete(lightest);
  }
  return [' ', ...spread(side(left), side(right), inner), ' '];
}
