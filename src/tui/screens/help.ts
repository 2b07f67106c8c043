import { KEYS, type KeyBinding } from '../keys.ts';
import { fitText, type Line, wrapText } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';

const GROUPS = ['View', 'Table', 'Memories', 'Time', 'Program'] as const satisfies readonly KeyBinding['group'][];
const LABEL_WIDTH = 9;

/** Every key with what it does, in the order of the table of keys. */
export function helpScreen(width: number, height: number, top: number, theme: Theme): Block {
  const groups = GROUPS.map((group): Line[] => [
    [{ text: group, tone: 'accent', bold: true }],
    ...KEYS.filter((binding) => binding.group === group).flatMap((binding) => keyLines(binding, width - 4)),
  ]);
  const spaced = groups.flatMap((lines, i) => (i === 0 ? lines : [[], ...lines]));
  const tight = groups.flat();
  const rows = height - 2;
  const lines = spaced.length <= rows ? spaced : tight;
  const first = Math.min(top, Math.max(0, lines.length - rows));
  const more = lines.length > rows ? 'j k scroll, ' : '';
  const note: Line = [{ text: `${more}q closes the help`, tone: 'dim' }];
  const title: Line = [{ text: 'Keys', tone: 'title', bold: true }];
  return panel({ title, note, width, height, lines: lines.slice(first) }, theme);
}

function keyLines({ label, help }: KeyBinding, width: number): readonly Line[] {
  return wrapText(help, width - LABEL_WIDTH - 3).map(
    (text, row): Line => [{ text: fitText(row === 0 ? `  ${label}` : '', LABEL_WIDTH + 2), bold: true }, ` ${text}`],
  );
}
