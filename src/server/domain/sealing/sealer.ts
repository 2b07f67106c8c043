import type { SealedRow } from './sealed-values.ts';

/** A text and where it belongs. */
export interface SealInput {
  readonly row: SealedRow;
  /** As sealedKey makes it. */
  readonly key: string;
  readonly text: string;
}

/**
 * Seals texts and opens them again. What is sealed is bound to its workspace, row, name and version:
 * in any other place it does not open.
 *
 * Errors: ServiceError SEALING_KEY_MISSING, SEALED_VALUE_UNREADABLE, and those of the database.
 */
export interface Sealer {
  /** @returns ciphertexts in base64, in the order of `inputs`, which are all of one workspace */
  seal(workspaceId: number, inputs: readonly SealInput[]): Promise<string[]>;
  /** Moves on when what was opened is forgotten, since what it was read from may be gone. */
  readonly era: number;
  /**
   * Opens texts that are ciphertexts.
   *
   * @param era as it was before they were read from where they are kept: what is opened is remembered if it
   *   is still the same; undefined: it is not remembered
   * @returns the clear texts in order
   */
  open(workspaceId: number, inputs: readonly SealInput[], era: number | undefined): Promise<string[]>;
  /**
   * Keyed digests: the same for the same text in the same workspace, of no use to who lacks the key. So
   * a request can be recognised without keeping what its secrets could be guessed from.
   */
  digest(workspaceId: number, texts: readonly string[]): Promise<string[]>;
}
