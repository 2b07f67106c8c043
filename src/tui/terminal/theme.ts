import { type Glyphs, glyphs } from './glyphs.ts';
import type { Line, Span } from './line.ts';
import { type ColorDepth, foreground, type PaletteName, type Tone } from './palette.ts';

/** How to draw: with which characters and colours. */
export interface Theme {
  readonly glyphs: Glyphs;
  readonly depth: ColorDepth;
  readonly palette: PaletteName;
  /** What is shown is old: everything but signs of trouble is drawn in the dim tone. */
  readonly stale: boolean;
}

export interface ThemeOptions {
  readonly ascii: boolean;
  readonly depth: ColorDepth;
  readonly palette: PaletteName;
}

/** The theme of these options. */
export function themeOf({ ascii, depth, palette }: ThemeOptions): Theme {
  return { glyphs: glyphs(ascii), depth, palette, stale: false };
}

/** The row with its escape sequences; each span ends with a reset of what it set. */
export function paint(line: Line, theme: Theme): string {
  let painted = '';
  for (const span of line)
    painted += typeof span === 'string' ? paintSpan({ text: span }, theme) : paintSpan(span, theme);
  return painted;
}

function paintSpan({ text, tone, bold, inverse }: Span, theme: Theme): string {
  const shown = theme.stale ? 'dim' : tone;
  if (text.trim() === '' && !inverse) return text;
  const on: string[] = [];
  const off: string[] = [];
  if (bold) {
    on.push('1');
    off.push('22');
  }
  if (inverse) {
    on.push('7');
    off.push('27');
  }
  if (shown !== undefined) {
    const code = foreground(shown, theme.depth, theme.palette);
    if (code !== '') {
      on.push(code);
      off.push('39');
    }
  }
  return on.length === 0 ? text : `\x1b[${on.join(';')}m${text}\x1b[${off.join(';')}m`;
}

/** A tone of a ramp by a share 0..1. */
export function ramp(kind: 'cool' | 'warm', share: number): Tone {
  const step = Math.min(4, Math.max(0, Math.floor(share * 5))) as 0 | 1 | 2 | 3 | 4;
  return `${kind}${step}`;
}
