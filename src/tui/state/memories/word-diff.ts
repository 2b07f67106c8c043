/** A piece of two texts: in both, in the earlier only, or in the later only. */
export interface DiffPart {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
}

/** More cells than this and the middle of the texts counts as replaced: the table takes two bytes a cell. */
const MOST_CELLS = 4_000_000;

/** How one text became another, word by word, with the least that was removed and added. */
export function wordDiff(before: string, after: string): readonly DiffPart[] {
  const a = words(before);
  const b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const parts = [
    ...part('same', a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...part('same', end === 0 ? [] : a.slice(-end)),
  ];
  return joined(parts);
}

/** Words, each with the blanks behind it. */
function words(text: string): readonly string[] {
  return text.match(/\S+\s*|\s+/gu) ?? [];
}

function part(kind: DiffPart['kind'], list: readonly string[]): DiffPart[] {
  return list.length === 0 ? [] : [{ kind, text: list.join('') }];
}

/** Along a longest common subsequence. */
function middle(a: readonly string[], b: readonly string[]): DiffPart[] {
  const columns = b.length + 1;
  if (a.length * b.length > MOST_CELLS || Math.min(a.length, b.length) > 65_535) {
    return [...part('removed', a), ...part('added', b)];
  }
  const common = new Uint16Array((a.length + 1) * columns);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * columns + j] =
        a[i] === b[j]
          ? (common[(i + 1) * columns + j + 1] as number) + 1
          : Math.max(common[(i + 1) * columns + j] as number, common[i * columns + j + 1] as number);
    }
  }
  const parts: DiffPart[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      parts.push({ kind: 'same', text: a[i] as string });
      i++;
      j++;
    } else if ((common[(i + 1) * columns + j] as number) >= (common[i * columns + j + 1] as number)) {
      parts.push({ kind: 'removed', text: a[i++] as string });
    } else {
      parts.push({ kind: 'added', text: b[j++] as string });
    }
  }
  return [...parts, ...part('removed', a.slice(i)), ...part('added', b.slice(j))];
}

function joined(parts: readonly DiffPart[]): readonly DiffPart[] {
  const runs: DiffPart[] = [];
  for (const { kind, text } of parts) {
    const last = runs.at(-1);
    if (last?.kind === kind) runs[runs.length - 1] = { kind, text: last.text + text };
    else runs.push({ kind, text });
  }
  return runs;
}
