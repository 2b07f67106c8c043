import type { JsonObject } from '../memory.ts';
import type { SealedRow, SealedValues } from './sealed-values.ts';

/** A row that may have secrets in clear: its names were judged when it was written. */
export interface PlainRow {
  /** Where it stands among the others of its table and workspace. */
  readonly position: string;
  readonly row: SealedRow;
  readonly shown: JsonObject;
  readonly sealed: SealedValues;
}

export interface PlainPage {
  /** Those that have any names at all. */
  readonly rows: readonly PlainRow[];
  /** Position of the last row that was looked at; undefined: there was none. */
  readonly last: string | undefined;
  /** Whether there were no more. */
  readonly isEnd: boolean;
}

/** Rows with metadata or values, and how to seal them where they are. */
export interface PlainRows {
  readonly tables: readonly string[];
  workspaces(): Promise<number[]>;
  /** By position, those behind `after`. */
  page(table: string, workspaceId: number, after: string | undefined): Promise<PlainPage>;
  /**
   * Puts what is shown and what is sealed in the place of what they have, in one transaction under the lock
   * that orders the workspace's writes. A memory changes with the newest entry of its history.
   *
   * @returns how many rows were still there
   */
  replace(table: string, workspaceId: number, rows: readonly PlainRow[]): Promise<number>;
  /** Has all processes read settings anew, and the space of what was replaced swept in the background. */
  finish(): Promise<void>;
}
