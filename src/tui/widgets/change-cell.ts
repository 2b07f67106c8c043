import type { Change } from '../state/change.ts';
import type { Span } from '../terminal/line.ts';

/** From ten times as much on, the factor reads better than percent. */
const FACTOR_FROM = 10;

/** "+94%", "-12%", "x14"; "! " before what is worse by more than chance. */
export function changeCell(change: Change | undefined): Span | string {
  if (change === undefined) return '-';
  const { before, now, worse } = change;
  if (before === 0) return now === 0 ? '0%' : marked('new', worse);
  const ratio = now / before;
  if (ratio >= FACTOR_FROM) return marked(`x${Math.round(ratio)}`, worse);
  return marked(signed(Math.round((ratio - 1) * 100), '%'), worse);
}

/** Shares differ by points of a hundred: "+1.2pp", "!+9.5pp". */
export function pointsCell(change: Change | undefined): Span | string {
  if (change === undefined) return '-';
  const points = (change.now - change.before) * 100;
  const digits = Math.abs(points) < 9.95 ? (Math.abs(points) < 0.995 ? 2 : 1) : 0;
  const text = signed(Number(points.toFixed(digits)), 'pp');
  return change.worse ? { text: `!${text}`, tone: 'bad' } : text;
}

function signed(value: number, unit: string): string {
  return `${value > 0 ? '+' : ''}${Object.is(value, -0) ? 0 : value}${unit}`;
}

function marked(text: string, worse: boolean): Span | string {
  return worse ? { text: `! ${text}`, tone: 'bad' } : text;
}
