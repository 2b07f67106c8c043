import type { ByteSink } from '../../domain/byte-sink.ts';
import type { JsonObject } from '../../domain/memory.ts';
import type { MemoryRow } from '../../domain/memory-row.ts';
import { writeCompactJson } from './compact-json.ts';

/** The metadata of a listed or exported memory as its reader gets to see them; undefined: it has none. */
export function shownMetadata(row: MemoryRow): JsonObject | undefined {
  if (row.metadataEnd === 0) return undefined;
  return JSON.parse(row.bytes.toString('utf8', row.metadataStart, row.metadataEnd)) as JsonObject;
}

/** Writes the metadata of a row that has some, as JSON.stringify does. */
export function writeMetadata(row: MemoryRow, out: ByteSink): void {
  if (writeCompactJson(row.bytes, row.metadataStart, row.metadataEnd, out)) return;
  out.text(JSON.stringify(shownMetadata(row)));
}
