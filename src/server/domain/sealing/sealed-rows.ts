import type { SealedRow, SealedValues } from './sealed-values.ts';

/** A row that has sealed values. */
export interface StoredSealedRow {
  readonly table: string;
  /** Where it stands among the others of its table and workspace. */
  readonly position: string;
  readonly row: SealedRow;
  readonly sealed: SealedValues;
}

/** The rows of the database that have sealed values. */
export interface SealedRows {
  readonly tables: readonly string[];
  /** By position, those behind `after`. */
  page(table: string, workspaceId: number, after: string | undefined, limit: number): Promise<StoredSealedRow[]>;
  /** Unless its values were changed since they were read. @returns whether they were replaced */
  replace(workspaceId: number, row: StoredSealedRow, sealed: SealedValues): Promise<boolean>;
}
