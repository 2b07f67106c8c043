import { knownRows, rowAt } from '../state/memories/browser.ts';
import { settingRows, sourceName } from '../state/memories/settings.ts';
import type { MonitorState } from '../state/state.ts';
import { plainText, printable } from '../terminal/line.ts';
import { themeOf } from '../terminal/theme.ts';
import { formatAge, formatCount } from '../widgets/format.ts';
import { accessLines } from './memory-access.ts';
import { openedLines } from './memory-panel.ts';
import type { Spoken } from './spoken-stats.ts';

const WIDTH = 200;
const ROWS = 60;
/** Sentences of rows around the cursor: the others are not heard. */
const AROUND = 30;
const THEME = themeOf({ ascii: true, depth: 'none', palette: 'blue-orange' });

export function spokenMemories(state: MonitorState): Spoken {
  const { access, opened, filter, order, textShown, row, failures, total } = state.memories;
  if (access.kind !== 'key') return { before: accessLines(access, WIDTH).map(plainText), list: [] };
  const known = knownRows(state.memories);
  const failure = failures.at(-1);
  const problem =
    failure === undefined ? [] : [`Trouble: ${failure.problem.code}, ${printable(failure.problem.text)}.`];
  const query = [
    `Memories${filter === '' ? '' : ` that pass ${printable(filter)}`}, in the order ${order}; texts are ${textShown ? 'shown' : 'hidden'}.`,
    ...problem,
  ];
  if (opened !== undefined) {
    // The panel's own lines are labels and values already; rulers between them are left out.
    const lines = openedLines(state, opened, WIDTH, ROWS, THEME).map((line) => plainText(line).trim());
    return {
      before: [...query, ...lines.filter((text) => text !== '').map((text) => text.replace(/^-+ | -+$/g, ''))],
      list: [],
    };
  }
  const first = Math.max(0, row - AROUND);
  const list = Array.from({ length: Math.min(known - first, 2 * AROUND) }, (_, i) => sentence(state, first + i));
  const count = total === undefined ? `at least ${formatCount(known)}` : formatCount(total);
  return {
    before: [...query, `Memory ${row + 1} of ${count}.`],
    list,
    selected: list.length === 0 ? undefined : row - first,
  };
}

function sentence({ memories, nowMs }: MonitorState, place: number): string {
  const row = rowAt(memories, place);
  if (row === undefined) return 'loading.';
  if (row === 'gone') return 'changed meanwhile; R loads the list anew.';
  const { owner, category, key, id, tags, text, updateMs } = row;
  const what = text === undefined ? `${key || id}, tags ${tags.join(', ') || 'none'}` : text;
  return `${printable(category) || 'memory'} of ${printable(owner)}, changed ${formatAge(nowMs - updateMs)} ago: ${printable(what)}`;
}

export function spokenSettings(state: MonitorState): Spoken {
  const { access } = state.memories;
  if (access.kind !== 'key') return { before: accessLines(access, WIDTH).map(plainText), list: [] };
  const rows = settingRows(state);
  return {
    before: [`${rows.length} settings; secrets are masked.`],
    list: rows.map(
      ({ name, userId, value, source }) =>
        `${printable(name)} of ${userId === '' ? 'the workspace' : `user ${printable(userId)}`}: ${printable(value) || 'none'}, from ${sourceName(source)}.`,
    ),
    selected: rows.length === 0 ? undefined : Math.min(state.view.settings.row, rows.length - 1),
  };
}
