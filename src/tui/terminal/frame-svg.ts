import { fitLine, type Line, type Span, textWidth } from './line.ts';
import { PALETTES, type PaletteName } from './palette.ts';

/** Size of a cell, in the SVG's units. */
const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 18;
const BASELINE = 13.2;
const FONT_SIZE = 14;
const PADDING = 14;
const GROUND = '#11161d';
const INK = '#d8dee6';

/** Parts of a cell that the block characters fill: x, y, width, height, each 0..1. */
const BLOCKS = new Map<string, readonly [number, number, number, number]>([
  ...[...'▁▂▃▄▅▆▇█'].map((char, i) => [char, [0, 1 - (i + 1) / 8, 1, (i + 1) / 8]] as const),
  ...[...'▏▎▍▌▋▊▉'].map((char, i) => [char, [0, 0, (i + 1) / 8, 1]] as const),
]);
const SHADES = new Map([
  ['░', 0.28],
  ['▒', 0.5],
  ['▓', 0.75],
]);

const MID_X = CELL_WIDTH / 2;
const MID_Y = CELL_HEIGHT / 2;
/** Borders as lines through the middle of a cell: a font leaves gaps between the rows. */
const BORDERS = new Map([
  ['│', `m${MID_X} 0v${CELL_HEIGHT}`],
  ['╭', `m${CELL_WIDTH} ${MID_Y}q-${MID_X} 0 -${MID_X} ${MID_X}v${MID_Y - MID_X}`],
  ['╮', `m0 ${MID_Y}q${MID_X} 0 ${MID_X} ${MID_X}v${MID_Y - MID_X}`],
  ['╰', `m${MID_X} 0v${MID_Y - MID_X}q0 ${MID_X} ${MID_X} ${MID_X}`],
  ['╯', `m${MID_X} 0v${MID_Y - MID_X}q0 ${MID_X} -${MID_X} ${MID_X}`],
]);

/**
 * A frame as an SVG picture. Borders, blocks and shades are drawn as shapes, so that it looks the same
 * whatever font the reader has; everything else is text that can be selected.
 */
export function frameSvg(rows: readonly Line[], columns: number, palette: PaletteName): string {
  const width = columns * CELL_WIDTH + 2 * PADDING;
  const height = rows.length * CELL_HEIGHT + 2 * PADDING;
  const body = rows.map((row, y) => rowSvg(fitLine(row, columns), y, palette)).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fixed(width)} ${fixed(height)}" width="${fixed(width)}" role="img" aria-label="Memory Hub monitor">
<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" xml:space="preserve">
${body}</g>
</svg>
`;
}

function rowSvg(row: Line, y: number, palette: PaletteName): string {
  let column = 0;
  let svg = '';
  for (const part of row) {
    const span: Span = typeof part === 'string' ? { text: part } : part;
    svg += spanSvg(span, column, y, palette);
    column += textWidth(span.text);
  }
  return svg === '' ? '' : `${svg}\n`;
}

function spanSvg(span: Span, column: number, row: number, palette: PaletteName): string {
  const colour = span.tone === undefined ? INK : `rgb(${PALETTES[palette][span.tone].rgb.join(',')})`;
  const top = PADDING + row * CELL_HEIGHT;
  const left = PADDING + column * CELL_WIDTH;
  let svg = '';
  if (span.inverse) svg += rect(left, top, textWidth(span.text) * CELL_WIDTH, CELL_HEIGHT, colour);
  let offset = 0;
  let text = '';
  let textAt = 0;
  const flush = () => {
    if (text.trim() !== '')
      svg += textSvg(text, left + textAt * CELL_WIDTH, top, span.inverse ? GROUND : colour, span.bold);
    text = '';
  };
  for (const [char, count] of runs(span.text)) {
    const wide = textWidth(char) * count;
    const block = BLOCKS.get(char);
    const shade = SHADES.get(char);
    // A run of horizontals is one line.
    const border = char === '─' ? `m0 ${MID_Y}h${fixed(count * CELL_WIDTH)}` : BORDERS.get(char);
    if (border !== undefined) {
      flush();
      const start = `M${fixed(left + offset * CELL_WIDTH)} ${fixed(top)}`;
      svg += `<path d="${start}${border}" fill="none" stroke="${colour}"/>`;
    } else if (block === undefined && shade === undefined) {
      if (text === '') textAt = offset;
      text += char.repeat(count);
    } else {
      flush();
      svg += blockSvg(block ?? [0, 0, 1, 1], count, left + offset * CELL_WIDTH, top, colour, shade);
    }
    offset += wide;
  }
  flush();
  return svg;
}

/** Neighbours that fill the whole width of their cells are one rectangle, without seams. */
function blockSvg(
  [x, y, width, height]: readonly [number, number, number, number],
  count: number,
  left: number,
  top: number,
  colour: string,
  opacity: number | undefined,
): string {
  const wide = width === 1 ? count * CELL_WIDTH : width * CELL_WIDTH;
  return rect(left + x * CELL_WIDTH, top + y * CELL_HEIGHT, wide, height * CELL_HEIGHT, colour, opacity);
}

function rect(x: number, y: number, width: number, height: number, fill: string, opacity?: number): string {
  const alpha = opacity === undefined ? '' : ` opacity="${opacity}"`;
  return `<rect x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(height)}" fill="${fill}"${alpha} shape-rendering="crispEdges"/>`;
}

function textSvg(text: string, x: number, top: number, fill: string, bold: boolean | undefined): string {
  const lead = text.length - text.trimStart().length;
  const shown = text.trim();
  const weight = bold ? ' font-weight="bold"' : '';
  // textLength keeps the grid whatever the width of the reader's font.
  const length = fixed(textWidth(shown) * CELL_WIDTH);
  return `<text x="${fixed(x + lead * CELL_WIDTH)}" y="${fixed(top + BASELINE)}" textLength="${length}" lengthAdjust="spacingAndGlyphs" fill="${fill}"${weight}>${escapeXml(shown)}</text>`;
}

function* runs(text: string): Generator<[char: string, count: number]> {
  let last = '';
  let count = 0;
  for (const char of text) {
    if (char === last) {
      count++;
      continue;
    }
    if (count > 0) yield [last, count];
    last = char;
    count = 1;
  }
  if (count > 0) yield [last, count];
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? char);
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
