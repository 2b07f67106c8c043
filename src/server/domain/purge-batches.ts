/** Memories that one transaction removes. */
export const BATCH = 500;
/** Most entries of histories that one removes: some tens of milliseconds of the writers' lock. */
const MOST_REVISIONS = 2_000;

export interface PurgePart {
  readonly ids: readonly string[];
  /** Most entries of histories that go at once, and there is a next time; undefined: all go. */
  readonly mostRevisions: number | undefined;
}

/**
 * Cuts memories into what one transaction each removes. One whose history is as long as that goes alone,
 * in several.
 *
 * @param lengths of their histories, by id
 */
export function partsOf(ids: readonly string[], lengths: ReadonlyMap<string, number>): PurgePart[] {
  const parts: PurgePart[] = [];
  let part: string[] = [];
  let revisions = 0;
  const cut = () => {
    if (part.length > 0) parts.push({ ids: part, mostRevisions: undefined });
    part = [];
    revisions = 0;
  };
  for (const id of ids) {
    const length = lengths.get(id) ?? 0;
    if (length >= MOST_REVISIONS) {
      parts.push({ ids: [id], mostRevisions: MOST_REVISIONS });
      continue;
    }
    if (part.length === BATCH || revisions + length > MOST_REVISIONS) cut();
    part.push(id);
    revisions += length;
  }
  cut();
  return parts;
}
