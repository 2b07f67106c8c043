import { frame } from './screens/screen.ts';
import type { MonitorState } from './state/state.ts';
import { frameSvg } from './terminal/frame-svg.ts';
import { type Line, plainText } from './terminal/line.ts';
import type { Theme } from './terminal/theme.ts';

/** The frame as a file: a picture, or the text of its rows. */
export function snapshot(state: MonitorState, theme: Theme, svg: boolean): string {
  const rows = frame(state, theme).map(({ line, stale }): Line => (stale ? dimmed(line) : line));
  if (svg) return frameSvg(rows, state.view.columns, theme.palette);
  return `${rows.map((row) => plainText(row).trimEnd()).join('\n')}\n`;
}

function dimmed(line: Line): Line {
  return line.map((span) => ({ text: typeof span === 'string' ? span : span.text, tone: 'dim' }));
}
