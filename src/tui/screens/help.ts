import { KEYS, type KeyBinding } from '../keys.ts';
import { fitText, type Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';

const GROUPS = ['Table', 'Time', 'View', 'Program'] as const satisfies readonly KeyBinding['group'][];
const LABEL_WIDTH = 9;

/** Every key with what it does, in the order of the table of keys. */
export function helpScreen(width: number, height: number, theme: Theme): Block {
  const groups = GROUPS.map((group): Line[] => [
    [{ text: group, tone: 'accent', bold: true }],
    ...KEYS.filter((binding) => binding.group === group).map(keyLine),
  ]);
  const spaced = groups.flatMap((lines, i) => (i === 0 ? lines : [[], ...lines]));
  const tight = groups.flat();
  const lines = spaced.length <= height - 2 ? spaced : tight.length <= height - 2 ? tight : KEYS.map(keyLine);
  const note: Line = [{ text: 'q closes the help', tone: 'dim' }];
  return panel({ title: [{ text: 'Keys', tone: 'title', bold: true }], note, width, height, lines }, theme);
}

function keyLine({ label, help }: KeyBinding): Line {
  return [{ text: fitText(`  ${label}`, LABEL_WIDTH + 2), bold: true }, ` ${help}`];
}
