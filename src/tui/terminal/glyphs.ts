/** The characters that are not letters. The ASCII set serves terminals and fonts without blocks. */
export interface Glyphs {
  readonly ascii: boolean;
  readonly topLeft: string;
  readonly topRight: string;
  readonly bottomLeft: string;
  readonly bottomRight: string;
  readonly horizontal: string;
  readonly vertical: string;
  /** Fills of a cell from below, empty first, full last. */
  readonly bars: readonly string[];
  /** Densities of a cell, empty first. */
  readonly shades: readonly string[];
  /** Fills of a cell from the left, empty first, full last. */
  readonly meter: readonly string[];
  readonly meterRest: string;
  readonly cursor: string;
  readonly up: string;
  readonly down: string;
  readonly live: string;
  readonly paused: string;
  readonly lost: string;
  readonly separator: string;
  readonly ellipsis: string;
  readonly dash: string;
}

const UNICODE: Glyphs = {
  ascii: false,
  topLeft: '╭',
  topRight: '╮',
  bottomLeft: '╰',
  bottomRight: '╯',
  horizontal: '─',
  vertical: '│',
  bars: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  shades: [' ', '·', '░', '▒', '▓', '█'],
  meter: [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
  meterRest: '·',
  cursor: '▸',
  up: '▲',
  down: '▼',
  live: '●',
  paused: '‖',
  lost: '○',
  separator: '›',
  ellipsis: '…',
  dash: '–',
};

const ASCII: Glyphs = {
  ascii: true,
  topLeft: '+',
  topRight: '+',
  bottomLeft: '+',
  bottomRight: '+',
  horizontal: '-',
  vertical: '|',
  bars: [' ', '.', ':', '-', '=', '+', '*', '#'],
  shades: [' ', '.', ':', '+', '*', '#'],
  meter: [' ', '#'],
  meterRest: '.',
  cursor: '>',
  up: '^',
  down: 'v',
  live: '*',
  paused: '=',
  lost: 'x',
  separator: '>',
  ellipsis: '~',
  dash: '-',
};

/** @param ascii nothing but ASCII */
export function glyphs(ascii: boolean): Glyphs {
  return ascii ? ASCII : UNICODE;
}
