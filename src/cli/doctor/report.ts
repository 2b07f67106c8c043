import { printable } from '../output.ts';
import type { State } from './finding.ts';
import type { Outcome } from './run.ts';

/** Marks and words, so that nothing is said by colour alone. */
const MARKS: Readonly<Record<State, { readonly mark: string; readonly colour: number }>> = {
  ok: { mark: '✓ ok     ', colour: 32 },
  warn: { mark: '! warn   ', colour: 33 },
  bad: { mark: '✗ bad    ', colour: 31 },
  skipped: { mark: '- skipped', colour: 2 },
};
const NAME_WIDTH = 16;
const INDENT = ' '.repeat(9 + 2 + NAME_WIDTH);
/** Narrower than this the text goes below the name. */
const BESIDE_MIN = INDENT.length + 40;
const NARROW_INDENT = '  ';

/** The lines of one check: state, name, evidence; and below it what to do. */
export function outcomeText({ check, findings }: Outcome, width: number, colour: boolean): string {
  return findings
    .flatMap(({ state, said, advice }) => {
      const { mark, colour: code } = MARKS[state];
      const shown = colour ? `\x1b[${code}m${mark}\x1b[0m` : mark;
      const isNarrow = width < BESIDE_MIN;
      const room = width - (isNarrow ? NARROW_INDENT : INDENT).length;
      const text = wrapped(printable(said), room);
      const todo = advice === undefined ? [] : wrapped(`> ${printable(advice)}`, room);
      if (isNarrow) return [`${shown}  ${check}`, ...[...text, ...todo].map((line) => NARROW_INDENT + line)];
      return [...text, ...todo].map((line, n) =>
        n === 0 ? `${shown}  ${check.padEnd(NAME_WIDTH)}${line}` : `${INDENT}${line}`,
      );
    })
    .join('\n');
}

function wrapped(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** How many of each, the worst first. */
export function countStates(outcomes: readonly Outcome[]): Readonly<Record<State, number>> {
  const counts = { bad: 0, warn: 0, ok: 0, skipped: 0 };
  for (const { findings } of outcomes) for (const { state } of findings) counts[state] += 1;
  return counts;
}
