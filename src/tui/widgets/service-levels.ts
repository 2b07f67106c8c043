import { quantityText } from '../../shared/alerts/quantity.ts';
import { WindowTotals } from '../../shared/alerts/totals.ts';
import { type LevelReading, type LevelState, readLevels } from '../../shared/service-levels.ts';
import type { Slot } from '../state/slot.ts';
import { alignRight, fitText, type Line, type Span } from '../terminal/line.ts';
import { packed } from './block.ts';

const NAME_WIDTH = 12;
const VALUE_WIDTH = 8;
const STATE_WIDTH = 8;

/** How a state is written: `WARN` keeps the guide's value and misses our own. */
const WORDS: Record<LevelState, Span> = {
  ok: { text: 'ok', tone: 'good' },
  'above ours': { text: 'WARN', tone: 'warn', bold: true },
  broken: { text: 'BROKEN', tone: 'bad', bold: true },
  unknown: { text: '-', tone: 'dim' },
};

/** The state of a service level in a word. */
export function levelWord(state: LevelState): Span {
  return WORDS[state];
}

/** The guide's service levels over the window: value, target, our own tighter one where there is room, state. */
export function levelLines(slots: readonly Slot[], width: number): readonly Line[] {
  const readings = readLevels(new WindowTotals(slots));
  const ours = width >= NAME_WIDTH + 3 * VALUE_WIDTH + STATE_WIDTH;
  const heading: Line = [
    {
      text: `${fitText('LEVEL', NAME_WIDTH)}${alignRight('VALUE', VALUE_WIDTH)}${alignRight('TARGET', VALUE_WIDTH)}${ours ? alignRight('OURS', VALUE_WIDTH) : ''}  STATE`,
      tone: 'dim',
    },
  ];
  return [heading, ...readings.map((reading) => levelLine(reading, ours))];
}

function levelLine({ level, value, ours, state }: LevelReading, withOurs: boolean): Line {
  const { unit, threshold } = level.promise;
  const cell = (text: string): Span => ({ text: alignRight(text, VALUE_WIDTH), tone: 'dim' });
  return [
    fitText(level.name, NAME_WIDTH),
    alignRight(value === undefined ? '-' : quantityText(value, unit), VALUE_WIDTH),
    cell(`<${quantityText(threshold, unit)}`),
    ...(withOurs ? [cell(`<${quantityText(ours, unit)}`)] : []),
    '  ',
    levelWord(state),
  ];
}

/** The same in one row: what is broken stays longest. */
export function levelStrip(slots: readonly Slot[], width: number): Line {
  const readings = readLevels(new WindowTotals(slots));
  const segments = readings.map(({ level, value, state }, i) => ({
    line: [
      { text: `${level.name} `, tone: 'dim' as const },
      ...(value === undefined ? [] : [`${quantityText(value, level.promise.unit)} `]),
      levelWord(state),
    ],
    weight: (state === 'broken' ? 20 : state === 'above ours' ? 10 : 0) - i,
  }));
  return [' ', ...packed(segments, width - 2)];
}
