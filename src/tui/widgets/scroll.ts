/** The rows of a list that are seen: as many as fit, with the one under the cursor in their middle. */
export function visibleRows(rows: number, cursor: number, height: number): { first: number; count: number } {
  const count = Math.max(0, Math.min(height, rows));
  const first = Math.min(Math.max(0, cursor - Math.floor(count / 2)), Math.max(0, rows - count));
  return { first, count };
}
