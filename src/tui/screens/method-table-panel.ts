import { comparedWith, methodRows, selectedIndex } from '../state/method-rows.ts';
import { type MonitorState, shownEndMs, shownSlots } from '../state/state.ts';
import type { WindowSummary } from '../state/summary.ts';
import { type Line, printable } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { type Block, panel } from '../widgets/block.ts';
import { formatPeriod } from '../widgets/format.ts';
import { methodTable } from '../widgets/method-table.ts';

/** The table of methods in its border, with what to do where it is empty. */
export function methodTablePanel(
  state: MonitorState,
  window: WindowSummary,
  width: number,
  height: number,
  theme: Theme,
): Block {
  const { view } = state;
  const rows = methodRows(window.methods, state);
  const table = methodTable(
    {
      rows,
      selected: selectedIndex(rows, view),
      slots: shownSlots(state),
      endMs: shownEndMs(state),
      view,
      baseline: comparedWith(state),
      width: width - 4,
      height: height - 2,
    },
    theme,
  );
  const filter: Line = view.filter === '' ? [] : [{ text: '  filter ', tone: 'dim' }, printable(view.filter)];
  const count = rows.length === window.methods.length ? `${rows.length}` : `${rows.length} of ${window.methods.length}`;
  const title: Line = [{ text: `Methods (${count})`, tone: 'title', bold: true }, ...filter];
  const covered = formatPeriod(view.windowMs);
  const note: Line = comparedWith(state)
    ? [{ text: `last ${covered}, against the baseline`, tone: 'accent' }]
    : [{ text: `over ${covered}`, tone: 'dim' }];
  const lines = rows.length > 0 ? table : [...table, [], ...emptyHint(state, window.methods.length > 0)];
  return panel({ title, note, width, height, lines }, theme);
}
function emptyHint({ history, connection, target }: MonitorState, filtered: boolean): readonly Line[] {
  if (filtered) return [[{ text: '  No method matches the filter. Esc drops it.', tone: 'dim' }]];
  if (history.length > 0) {
    return [
      ['  No calls in this window.'],
      [{ text: '  Make one: npm run cli -- save "Deploys happen on Tuesdays"', tone: 'dim' }],
    ];
  }
  const retrying = connection.phase === 'retrying' ? connection.problem : undefined;
  const line: Line = [
    `  ${retrying === undefined ? `Waiting for the first frame of ${printable(target)}.` : 'No data yet.'}`,
  ];
  return retrying?.advice === undefined ? [line] : [line, [{ text: `  ${printable(retrying.advice)}`, tone: 'warn' }]];
}
