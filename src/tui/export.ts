import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { frame } from './screens/screen.ts';
import { reportOf } from './state/report.ts';
import { type MonitorState, shownEndMs } from './state/state.ts';
import { frameSvg } from './terminal/frame-svg.ts';
import { type Line, plainText } from './terminal/line.ts';
import type { Theme } from './terminal/theme.ts';

export type ExportFormat = 'svg' | 'txt' | 'json';

/** By the ending of the file's name. */
export function formatOf(path: string): ExportFormat {
  return path.endsWith('.svg') ? 'svg' : path.endsWith('.json') ? 'json' : 'txt';
}

/** The frame that is shown as a file: a picture, the text of its rows, or its numbers with those rows. */
export function exported(state: MonitorState, theme: Theme, format: ExportFormat): string {
  const rows = frame(state, theme).map(({ line, stale }): Line => (stale ? dimmed(line) : line));
  if (format === 'svg') return frameSvg(rows, state.view.columns, theme.palette);
  const text = rows.map((row) => plainText(row).trimEnd());
  if (format === 'txt') return `${text.join('\n')}\n`;
  return `${JSON.stringify({ ...reportOf(state), screen: state.view.screen, rows: text }, undefined, 2)}\n`;
}

/**
 * Writes the shown frame in every format.
 *
 * @returns what became of it, for the operator
 */
export function exportFiles(state: MonitorState, theme: Theme, folder: string): string {
  const time = new Date(shownEndMs(state)).toISOString().slice(0, 19).replaceAll(':', '');
  const path = join(folder, `memory-hub-${state.view.screen}-${time}`);
  try {
    // Names and addresses are in it: others on this machine need not read them.
    for (const format of ['txt', 'svg', 'json'] as const) {
      writeFileSync(`${path}.${format}`, exported(state, theme, format), { mode: 0o600 });
    }
    return `wrote ${path}.txt, .svg and .json`;
  } catch (error) {
    return `nothing was exported: ${(error as Error).message}`;
  }
}

function dimmed(line: Line): Line {
  return line.map((span) => ({ text: typeof span === 'string' ? span : span.text, tone: 'dim' }));
}
