import { CODE_NAMES } from '../../shared/rpc-error.ts';
import type { MethodDetail } from '../state/method-detail.ts';
import type { Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { formatClock, formatLatency } from '../widgets/format.ts';

/** As many slowest calls to a row as fit, from the one that `y` copies the trace of. */
export function slowestLines(
  { slowest }: MethodDetail,
  chosen: number,
  width: number,
  rows: number,
  theme: Theme,
): readonly Line[] {
  if (slowest.length === 0) return [];
  const texts = slowest.map(
    ({ atMs, durationMs, code, traceId }) =>
      `${formatLatency(durationMs * 1000)} ${formatClock(atMs)} ${CODE_NAMES[code] ?? code} ${traceId || 'not traced'}`,
  );
  const perRow = Math.max(1, Math.floor((width - 12) / (Math.max(...texts.map((text) => text.length)) + 4)));
  const at = Math.min(chosen, texts.length - 1);
  const first = Math.max(0, Math.min(Math.floor(at / perRow), Math.ceil(texts.length / perRow) - rows)) * perRow;
  return Array.from({ length: Math.min(rows, Math.ceil((texts.length - first) / perRow)) }, (_, row): Line => {
    const from = first + row * perRow;
    return [
      { text: row === 0 ? ' slowest: ' : '          ', tone: 'dim' },
      ...texts.slice(from, from + perRow).flatMap((text, i): Line => {
        const selected = from + i === at;
        return [{ text: selected ? `${theme.glyphs.cursor} ` : '  ', tone: 'accent' }, { text, bold: selected }, '  '];
      }),
    ];
  });
}
