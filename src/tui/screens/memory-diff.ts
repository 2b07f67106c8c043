import type { OpenedMemory } from '../state/memories/browser.ts';
import { type FieldChange, memoryChanges } from '../state/memories/changes.ts';
import { comparedRevisions } from '../state/memories/wants.ts';
import { wordDiff } from '../state/memories/word-diff.ts';
import { type Line, printable, type Span, textWidth } from '../terminal/line.ts';

/** What changed between two revisions, word by word: [-removed-] and {+added+}, as git's word diff writes it. */
export function diffLines(opened: OpenedMemory, textShown: boolean, width: number): readonly Line[] {
  const [earlier, later] = comparedRevisions(opened);
  const body = (revision: number) => opened.bodies.find((known) => Number(known.revision) === revision);
  const before = body(earlier);
  const after = body(later);
  const row = opened.revisions.find(({ revision }) => revision === later);
  const heading: Line = [
    {
      text: earlier < 1 ? `revision ${later}, the first` : `revision ${earlier} to ${later}`,
      tone: 'accent',
      bold: true,
    },
    ...(row === undefined
      ? []
      : [{ text: ` by ${printable(row.author)}  ${printable(row.note)}`, tone: 'dim' as const }]),
  ];
  if (!textShown) {
    return [heading, [{ text: 'Texts are hidden: x reads both revisions and shows what changed.', tone: 'dim' }]];
  }
  if (after === undefined || (earlier >= 1 && before === undefined)) {
    return [heading, [{ text: 'loading', tone: 'dim' }]];
  }
  const changes = memoryChanges(before?.memory, after.memory);
  if (changes.length === 0) return [heading, [{ text: 'Nothing but the revision itself.', tone: 'dim' }]];
  return [heading, ...changes.flatMap((change): readonly Line[] => [[], ...changeLines(change, width)])];
}

function changeLines(change: FieldChange, width: number): readonly Line[] {
  const { name, before, after, isSecret } = change;
  const label: Line = [{ text: printable(name), tone: 'title', bold: true }];
  if (isSecret) return [label, [{ text: 'another secret value', tone: 'dim' }]];
  return [label, ...flowed(wordDiff(before ?? '', after ?? '').map(marked), width)];
}

function marked({ kind, text }: ReturnType<typeof wordDiff>[number]): Span {
  if (kind === 'same') return { text };
  // Blanks at the end stand outside of the mark, so that rows may break there.
  const blanks = text.length - text.trimEnd().length;
  const inner = blanks === 0 ? text : text.slice(0, -blanks);
  const tail = blanks === 0 ? '' : text.slice(-blanks);
  return kind === 'removed'
    ? { text: `[-${inner}-]${tail}`, tone: 'bad' }
    : { text: `{+${inner}+}${tail}`, tone: 'good', bold: true };
}

/** Spans in rows of this width, broken between words and at line ends. */
function flowed(spans: readonly Span[], width: number): readonly Line[] {
  const rows: Span[][] = [[]];
  let used = 0;
  const next = () => {
    rows.push([]);
    used = 0;
  };
  for (const span of spans) {
    for (const word of span.text.match(/\n|[^\S\n]+|\S+/gu) ?? []) {
      if (word === '\n') {
        next();
        continue;
      }
      for (const piece of pieces(printable(word), width)) {
        const wide = textWidth(piece);
        if (used + wide > width && used > 0) next();
        if (used === 0 && piece.trim() === '' && rows.length > 1) continue;
        rows.at(-1)?.push({ ...span, text: piece });
        used += wide;
      }
    }
  }
  return rows;
}

/** A word longer than a row is cut. */
function pieces(word: string, width: number): readonly string[] {
  if (textWidth(word) <= width) return [word];
  const characters = [...word];
  const size = Math.max(1, Math.floor(width / 2));
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, i) =>
    characters.slice(i * size, (i + 1) * size).join(''),
  );
}
