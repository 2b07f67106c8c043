import type { Connection } from '../state/connection.ts';
import { shownTarget } from '../state/shown.ts';
import type { Slot } from '../state/slot.ts';
import { type MonitorState, shownSlot } from '../state/state.ts';
import { isDown, type Target } from '../state/target.ts';
import { fitText, type Line, plainText, printable, textWidth } from '../terminal/line.ts';
import { type Theme, themeOf } from '../terminal/theme.ts';
import { type Segment, segmentedLine } from './block.ts';
import { formatAge, formatClock, formatPeriod } from './format.ts';
import { tabLine } from './tabs.ts';

const MAX_NAME_WIDTH = 28;
/** A replica that was silent for longer is not counted. */
const REPORTING_MS = 15_000;
/** A stretch from here on is told in minutes, without the seconds. */
const WHOLE_MINUTES_MS = 5 * 60_000;

/** The two rows at the top: who is watched, how it stands, how fresh the numbers are. */
export function header(state: MonitorState, width: number, theme: Theme): readonly Line[] {
  return [firstRow(state, width, theme), secondRow(state, width, theme)];
}

function firstRow(state: MonitorState, width: number, theme: Theme): Line {
  const slot = shownSlot(state);
  const left: Segment[] = [{ line: [{ text: 'MEMORY HUB', tone: 'title', bold: true }], weight: 9 }];
  if (slot !== undefined && slot.replica !== '') left.push({ line: [nameOf(slot.replica, theme)], weight: 6.5 });
  if (slot?.replica !== state.target)
    left.push({ line: [{ text: nameOf(state.target, theme), tone: 'dim' }], weight: 4 });
  left.push({ line: badge(state, theme), weight: 10 });
  const missing = missingServers(state);
  if (missing !== undefined) left.push({ line: missing, weight: 8 });
  const right: Segment[] = [];
  if (slot !== undefined) {
    right.push(...standing(state, slot));
    if (slot.bootMs > 0) right.push({ line: dim(`up ${formatAge(slot.endMs - slot.bootMs)}`), weight: 3 });
    if (slot.version !== '') right.push({ line: dim(`v${printable(slot.version)}`), weight: 1 });
    right.push({ line: [{ text: 'frame ', tone: 'dim' }, String(slot.sequence)], weight: 7 });
    if (slot.merged > 1) right.push({ line: [{ text: `merged ${slot.merged}`, tone: 'warn' }], weight: 6 });
  }
  const lag = lagOf(state);
  if (lag !== undefined) right.push({ line: lag, weight: 6 });
  right.push({ line: [`${formatClock(state.nowMs)}Z`], weight: 2 });
  return segmentedLine(left, right, width);
}

/** The beginning of a long name says more than none. */
function nameOf(name: string, { glyphs }: Theme): string {
  const text = printable(name);
  return fitText(text, Math.min(textWidth(text), MAX_NAME_WIDTH), glyphs.ellipsis);
}

/** The first row in words alone, for a screen reader. */
export function standingText(state: MonitorState): string {
  const slot = shownSlot(state);
  const name = printable(slot?.replica || state.target);
  const standing = plainText(badge(state, SPOKEN_THEME))
    .replace(/[[\]*=]/g, '')
    .trim();
  const at = slot === undefined ? 'no frame yet' : `frame of ${formatClock(slot.endMs)}`;
  const missing = missingServers(state);
  const without = missing === undefined ? '' : `, without ${plainText(missing).replace(/^! /, '')}`;
  return `${name}: ${standing}${without}, ${at}, window ${formatPeriod(state.view.windowMs)}, ${plural(state.restarts, 'restart')}.`;
}

const SPOKEN_THEME = themeOf({ ascii: true, depth: 'none', palette: 'blue-orange' });

/** How many answer, and how often one began anew: told where there is more to tell than one that never did. */
function standing(state: MonitorState, { endMs, gauges }: Slot): readonly Segment[] {
  const { history, restarts } = state;
  const since = endMs - REPORTING_MS;
  const replicas = new Set(history.filter((slot) => slot.endMs > since).map(({ replica }) => replica)).size;
  const processes = gauges.processes.length;
  return [
    reporting(state) ?? { line: dim(plural(replicas, 'replica')), weight: replicas > 1 ? 5 : 0 },
    { line: dim(plural(processes, 'process', 'es')), weight: processes > 1 ? 2 : 0 },
    restarts === 0
      ? { line: dim('0 restarts'), weight: 0 }
      : { line: [{ text: plural(restarts, 'restart'), tone: 'warn' }], weight: 8 },
  ];
}

/** Of several servers, how many answer; undefined where one is watched. Where all are merged, the badge tells of those that do not. */
function reporting(state: MonitorState): Segment | undefined {
  const { targets } = state;
  if (targets.length < 2) return undefined;
  const answering = answeringOf(targets);
  const text = `reporting ${answering}/${targets.length}`;
  if (answering === targets.length) return { line: dim(text), weight: 5 };
  return { line: [{ text, tone: 'warn' }], weight: shownTarget(state) === undefined ? 0 : 8 };
}

function answeringOf(targets: readonly Target[]): number {
  return targets.filter(({ connection }) => connection.phase === 'live').length;
}

/** Where several are merged and some do not answer: which of them has been gone longest, and since when. */
function missingServers(state: MonitorState): Line | undefined {
  const { targets, nowMs, connection } = state;
  if (targets.length < 2 || shownTarget(state) !== undefined || connection.phase !== 'live') return undefined;
  const lastMs = ({ lastDataMs, history }: Target) => lastDataMs ?? history.at(-1)?.endMs;
  const [gone, ...others] = targets.filter(isDown).sort((a, b) => (lastMs(a) ?? 0) - (lastMs(b) ?? 0));
  if (gone === undefined) return undefined;
  const goneMs = lastMs(gone);
  const since = goneMs === undefined ? 'no answer yet' : `down ${wholeSeconds(nowMs - goneMs)}`;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return [{ text: `! ${printable(gone.name)} ${since}${more}`, tone: 'bad', bold: true }];
}

/** The state in words, in brackets, so that it stands out without colour too. */
function badge(state: MonitorState, { glyphs }: Theme): Line {
  const { connection, view, history, nowMs } = state;
  const paused = view.pausedAtMs;
  const trouble = problemText(connection, nowMs, state.lastDataMs);
  const line: Line[number][] = [];
  if (paused !== undefined) {
    const behind = (history.at(-1)?.endMs ?? paused) - paused;
    const text = `[${glyphs.paused} PAUSED at ${formatClock(paused)}, -${formatAge(behind)}]`;
    line.push({ text, tone: 'warn', bold: true });
  }
  if (trouble !== undefined) {
    line.push(...(line.length > 0 ? [' '] : []), { text: `[${glyphs.lost} ${trouble}]`, tone: 'bad', bold: true });
  }
  if (line.length > 0) return line;
  if (connection.phase === 'connecting') return [{ text: '[CONNECTING]', tone: 'warn', bold: true }];
  if (connection.phase === 'replaying') {
    const { ended, damage } = connection;
    if (damage !== undefined) return [{ text: `[REPLAY ENDED: ${damage}]`, tone: 'bad', bold: true }];
    return [{ text: ended ? '[REPLAY ENDED]' : '[REPLAY]', tone: 'accent', bold: true }];
  }
  const { targets } = state;
  const answering = answeringOf(targets);
  if (shownTarget(state) === undefined && answering < targets.length) {
    return [{ text: `[${glyphs.live} LIVE ${answering} of ${targets.length}]`, tone: 'warn', bold: true }];
  }
  const empty = history.length > 0 && history.at(-1)?.methods.length === 0;
  return [{ text: `[${glyphs.live} LIVE${empty ? ', EMPTY: no calls yet' : ''}]`, tone: 'good', bold: true }];
}

function problemText(connection: Connection, nowMs: number, lastDataMs: number | undefined): string | undefined {
  if (connection.phase !== 'retrying') return undefined;
  const { problem, retryAtMs } = connection;
  const age = lastDataMs === undefined ? '' : `, last data ${wholeSeconds(nowMs - lastDataMs)} ago`;
  const wait = Math.ceil((retryAtMs - nowMs) / 1000);
  return `RETRY ${wait > 0 ? `in ${wait}s` : 'now'}${age}: ${problem.code} ${printable(problem.text)}`;
}

function wholeSeconds(ms: number): string {
  return formatAge(Math.round(ms / 1000) * 1000);
}

/** A negative lag is a server whose clock is ahead of ours. */
function lagOf({ lagMs, connection }: MonitorState): Line | undefined {
  if (lagMs === undefined || connection.phase !== 'live') return undefined;
  if (lagMs < -50) return [{ text: `clock +${formatAge(-lagMs)}`, tone: 'warn' }];
  const ms = Math.max(0, Math.round(lagMs));
  return [{ text: 'lag ', tone: 'dim' }, ms < 1000 ? `${ms}ms` : { text: formatAge(ms), tone: 'warn' }];
}

/** Where one is, and what the numbers cover. */
function secondRow(state: MonitorState, width: number, theme: Theme): Line {
  const { view } = state;
  const right: Segment[] = [
    ...baselineNote(state),
    { line: [{ text: 'window ', tone: 'dim' }, formatPeriod(view.windowMs)], weight: 8 },
    { line: [{ text: 'every ', tone: 'dim' }, formatPeriod(view.intervalMs)], weight: 4 },
    {
      line: [
        { text: '? ', tone: 'accent' },
        { text: 'help', tone: 'dim' },
      ],
      weight: 7,
    },
  ];
  const left = tabLine(state, width - 2, theme);
  return segmentedLine([{ line: left, weight: 9 }], right, width);
}

/** Which stretch is the baseline; of which server, where another is looked at. */
function baselineNote({ baseline, target }: MonitorState): readonly Segment[] {
  if (baseline === undefined) return [];
  const { fromMs, toMs, target: of } = baseline;
  const whole = toMs - fromMs >= WHOLE_MINUTES_MS;
  const at = (ms: number) => formatClock(ms).slice(0, whole ? 5 : undefined);
  const where = of === target ? '' : ` of ${printable(of)}`;
  const line: Line = [
    { text: 'b ', tone: 'accent' },
    { text: 'baseline: ', tone: 'dim' },
    `${at(fromMs)}-${at(toMs)}${where}`,
  ];
  return [{ line, weight: 8 }];
}

function dim(text: string): Line {
  return [{ text, tone: 'dim' }];
}

function plural(count: number, word: string, ending = 's'): string {
  return `${count} ${word}${count === 1 ? '' : ending}`;
}
