/** What a wait event of PostgreSQL, "Lock transactionid" or "IO WALSync", is in an operator's words. */
export function waitWords(name: string): { readonly what: string; readonly event: string } {
  const [type = '', event = ''] = name.split(' ', 2);
  return { what: wordsOf(type, event), event };
}

/** A commit waits for the log on the disk, or for another that writes it: both are the disk. */
function wordsOf(type: string, event: string): string {
  if (type === 'Lock') return 'lock wait';
  if (type === 'IO' || event.startsWith('WAL') || event === 'CommitDelay') return 'disk wait';
  return `${type} wait`;
}
