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
// Letters, box drawing, blocks and our own signs take one column each; asking string-width costs 100 times as much.
const NARROW = /^[\x20-\x7e\u2500-\u259f·…●○›–±▲▼▸‖]*$/;
const segmenter = new Intl.Segmenter();

/** A text from elsewhere (names, events, errors), made safe to draw on one row. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => (char === '\n' || char === '\t' ? ' ' : '\ufffd'));
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
