import stringWidth from 'string-width';
import type { Tone } from './palette.ts';

/** A piece of a row in one style. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
  readonly bold?: boolean;
  readonly inverse?: boolean;
}

/** A row of the terminal. Plain strings are spans without a style. */
export type Line = readonly (Span | string)[];

// Control characters and escape sequences of a foreign text would move the cursor; bidirectional
// overrides would reorder the row.
const UNSAFE = /[\p{Cc}\p{Cs}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const COMPOSED = /[\u200d\ufe0e\ufe0f\u20e3\u{1f3fb}-\u{1f3ff}\p{RI}]/u;
// Letters, box drawing, blocks and our own signs take one column each; asking string-width costs 100 times as much.
const NARROW = /^[\x20-\x7e\u2500-\u259f·…●○›–±▲▼▸‖]*$/;
const ASCII = /^[\x20-\x7e]*$/;
const segmenter = new Intl.Segmenter();

/** A text from elsewhere (names, events, errors, memories), made safe to draw on one row, and as wide on every terminal. */
export function printable(text: string): string {
  const safe = text.replace(UNSAFE, (char) => (char === '\n' || char === '\t' ? ' ' : '\ufffd'));
  return COMPOSED.test(safe) ? simplified(safe) : safe;
}

/**
 * Terminals disagree on the width of characters that are composed (families, flags, keycaps, skin
 * tones): a row with one would be longer on some of them, and break the frame. Only their first part is drawn.
 */
function simplified(text: string): string {
  let simple = '';
  for (const { segment } of segmenter.segment(text)) {
    if (!COMPOSED.test(segment)) simple += segment;
    else
      simple += /^\p{RI}/u.test(segment)
        ? flagLetters(segment)
        : String.fromCodePoint(segment.codePointAt(0) ?? 0xfffd);
  }
  // What joins or modifies, and had nothing before it.
  return simple.replace(/[\u200d\ufe0e\ufe0f\u20e3]/gu, '');
}

/** A flag is told by the letters of its country. */
function flagLetters(flag: string): string {
  return [...flag]
    .filter((char) => /\p{RI}/u.test(char))
    .map((char) => String.fromCodePoint((char.codePointAt(0) ?? 0) - 0x1f1e6 + 0x41))
    .join('');
}

/** A row for a terminal that has ASCII alone: what others wrote in other letters is told by question marks, as wide. */
export function asciiLine(line: Line): Line {
  return line.map((span) => {
    const text = typeof span === 'string' ? span : span.text;
    if (ASCII.test(text)) return span;
    let ascii = '';
    for (const { segment } of segmenter.segment(text)) {
      ascii += ASCII.test(segment) ? segment : '?'.repeat(stringWidth(segment));
    }
    return typeof span === 'string' ? ascii : { ...span, text: ascii };
  });
}

/** Columns a text takes; CJK and emoji take two. */
export function textWidth(text: string): number {
  return NARROW.test(text) ? text.length : stringWidth(text);
}

/** Columns a row takes. */
export function lineWidth(line: Line): number {
  return line.reduce((sum, span) => sum + textWidth(typeof span === 'string' ? span : span.text), 0);
}

/** The row cut or filled with blanks to exactly this many columns. A wide character is never cut in half. */
export function fitLine(line: Line, width: number): Line {
  const fitted: (Span | string)[] = [];
  let left = width;
  for (const span of line) {
    const text = typeof span === 'string' ? span : span.text;
    const wide = textWidth(text);
    if (wide <= left) {
      fitted.push(span);
      left -= wide;
      continue;
    }
    const head = cutText(text, left);
    fitted.push(typeof span === 'string' ? head : { ...span, text: head });
    left -= textWidth(head);
    break;
  }
  if (left > 0) fitted.push(' '.repeat(left));
  return fitted;
}

/** As much of a text as takes at most this many columns. */
export function cutText(text: string, width: number): string {
  if (NARROW.test(text)) return text.slice(0, Math.max(width, 0));
  let head = '';
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    const wide = stringWidth(segment);
    if (used + wide > width) break;
    head += segment;
    used += wide;
  }
  return head;
}

/** As much of the end of a text as takes at most this many columns. */
export function lastColumns(text: string, width: number): string {
  let tail = '';
  let used = 0;
  for (const { segment } of [...segmenter.segment(text)].reverse()) {
    const wide = textWidth(segment);
    if (used + wide > width) break;
    tail = segment + tail;
    used += wide;
  }
  return tail;
}

/** A text in rows of at most this many columns, broken at blanks where that is possible, and at its own line ends. */
export function wrapText(text: string, width: number): readonly string[] {
  if (width < 2) return [];
  return text.split(/\r\n|\r|\n/).flatMap((line) => wrapLine(printable(line), width));
}

function wrapLine(line: string, width: number): string[] {
  const rows: string[] = [];
  let row = '';
  for (const word of line.match(/\S+|\s+/gu) ?? []) {
    let rest = word;
    if (textWidth(row) + textWidth(rest.trimEnd()) > width && row !== '') {
      rows.push(row.trimEnd());
      row = '';
      if (rest.trim() === '') continue;
    }
    while (textWidth(rest) > width) {
      // A grapheme wider than the row has no place in it.
      const head = cutText(rest, width) || '\ufffd';
      rows.push(head);
      rest = rest.slice(Math.max(1, head === '\ufffd' ? 1 : head.length));
    }
    row += rest;
  }
  return [...rows, row.trimEnd()];
}

/** A text in exactly this many columns, with an ellipsis where it was cut. */
export function fitText(text: string, width: number, ellipsis = '…'): string {
  const wide = textWidth(text);
  if (wide <= width) return text + ' '.repeat(width - wide);
  const head = cutText(text, width - textWidth(ellipsis)) + ellipsis;
  return width < 1 ? '' : head + ' '.repeat(Math.max(0, width - textWidth(head)));
}

/** A text at the right of so many columns; a longer one is cut. */
export function alignRight(text: string, width: number): string {
  const wide = textWidth(text);
  return wide > width ? cutText(text, width) : ' '.repeat(width - wide) + text;
}

/** Two parts of a row, the second at its right end; where both do not fit, the first is cut. */
export function spread(left: Line, right: Line, width: number): Line {
  const rightWidth = Math.min(lineWidth(right), width);
  return [...fitLine(left, width - rightWidth), ...fitLine(right, rightWidth)];
}

/** What a row reads as, without any style. */
export function plainText(line: Line): string {
  return line.map((span) => (typeof span === 'string' ? span : span.text)).join('');
}
