/**
 * Ciphertexts in base64, by "VERSION NAME": the random version that the value's placeholder carries, and
 * the name the value stands under. A placeholder under another name finds nothing.
 */
export type SealedValues = { readonly [versionAndName: string]: string };

/** The same on its way in; null keeps what the stored row has under it. */
export type SealedChange = { readonly [versionAndName: string]: string | null };

/** Whose value it is: part of what a ciphertext is bound to. */
export interface SealedRow {
  readonly workspaceId: number;
  readonly kind: 'memory' | 'setting';
  /** The memory's id; owner and name of a setting. */
  readonly row: string;
}

export function sealedKey(version: string, name: string): string {
  return `${version} ${name}`;
}
