import type { JsonObject } from '../../domain/memory.ts';
import type { MemoryRow } from '../../domain/memory-row.ts';

/** The metadata of a listed or exported memory as its reader gets to see them; undefined: it has none. */
export function shownMetadata(row: MemoryRow): JsonObject | undefined {
  if (row.metadataEnd === 0) return undefined;
  return JSON.parse(row.bytes.toString('utf8', row.metadataStart, row.metadataEnd)) as JsonObject;
}
