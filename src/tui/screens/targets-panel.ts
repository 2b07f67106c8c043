import { shownTarget } from '../state/shown.ts';
import type { MonitorState } from '../state/state.ts';
import { isDown, type Target } from '../state/target.ts';
import { type Line, printable, type Span } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatAge } from '../widgets/format.ts';
import { type TableColumn, tableLines } from '../widgets/table.ts';

const BOOT_DIGITS = 8;
const MAX_ROWS = 8;

/** The servers that are watched: which answer, which version each has, how old its last word is. */
export function targetsPanel(state: MonitorState, width: number, theme: Theme): Block {
  const { targets, nowMs } = state;
  if (targets.length < 2) return [];
  const versions = new Set(targets.map(versionOf).filter((version) => version !== undefined));
  const columns: TableColumn<Target>[] = [
    { title: 'SERVER', width: 16, left: true, cell: ({ name }) => printable(name) },
    { title: 'STATE', width: 30, left: true, cell: stateCell },
    { title: 'VERSION', width: 14, left: true, cell: (target) => printable(versionOf(target) ?? '-') },
    { title: 'BOOT', width: BOOT_DIGITS, left: true, weight: 1, cell: bootCell },
    {
      title: 'LAST DATA',
      width: 10,
      cell: ({ lastDataMs }) =>
        lastDataMs === undefined
          ? '-'
          : `${formatAge(Math.max(0, Math.round((nowMs - lastDataMs) / 1000) * 1000))} ago`,
    },
  ];
  const shown = shownTarget(state);
  const cursor = shown === undefined ? undefined : targets.indexOf(shown);
  const height = Math.min(targets.length, MAX_ROWS) + 3;
  const lines = tableLines({ columns, rows: targets, cursor, width: width - 4, height: height - 2 }, theme);
  const answering = targets.filter(({ connection }) => connection.phase === 'live').length;
  const title: Line = [{ text: `Servers (${answering} of ${targets.length} answer)`, tone: 'title', bold: true }];
  const note: Line =
    versions.size > 1
      ? [{ text: `! ${versions.size} versions`, tone: 'warn', bold: true }]
      : [{ text: 't next', tone: 'dim' }];
  return panel({ title, note, width, height, lines }, theme);
}

function versionOf({ history }: Target): string | undefined {
  return history.at(-1)?.version || undefined;
}

function bootCell({ history }: Target): string {
  // The first digits of a boot id are its time, the last ones are its own.
  return history.at(-1)?.bootId.slice(-BOOT_DIGITS) || '-';
}

function stateCell(target: Target): Span | string {
  const { connection } = target;
  if (isDown(target) && connection.phase === 'retrying') {
    return { text: `! ${connection.problem.code} ${printable(connection.problem.text)}`, tone: 'bad' };
  }
  return connection.phase;
}
