import { ExportFormat } from '../../../shared/gen/memoryhub/v1/memory_service.ts';
import type { RowWriter } from '../../domain/memory-row.ts';
import { CSV_HEAD, writeCsvLine } from './csv-row.ts';
import { writeJsonLine } from './jsonl-row.ts';
import { protoRow } from './proto-row.ts';

/** How memories are written in an export. */
export interface RowFormat {
  /** What an export begins with. */
  readonly head: string;
  readonly write: RowWriter;
}

/** Memory messages, each behind its length as a varint. */
const PROTO: RowFormat = { head: '', write: protoRow(0, true) };
/** One object a line. */
const JSONL: RowFormat = { head: '', write: writeJsonLine };
const CSV: RowFormat = { head: CSV_HEAD, write: writeCsvLine };

/** PROTO unless the caller says otherwise. */
export function rowFormat(format: number): RowFormat {
  if (format === ExportFormat.JSONL) return JSONL;
  return format === ExportFormat.CSV ? CSV : PROTO;
}
