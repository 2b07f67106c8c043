/** A data key as the database keeps it. */
export interface WrappedKey {
  /** Which key-encryption key wrapped it. */
  readonly kekId: string;
  readonly wrapped: Uint8Array;
}

/** The key of a workspace's sealed values, wrapped. */
export interface StoredDataKey extends WrappedKey {
  readonly workspaceId: number;
  /** Counts a workspace's keys from 1. */
  readonly generation: number;
}

/** Where wrapped data keys are kept: the database. Errors: ServiceError DATABASE_UNAVAILABLE, COMMIT_UNKNOWN. */
export interface DataKeyStore {
  /** Oldest first. */
  keysOf(workspaceId: number): Promise<StoredDataKey[]>;
  /** Unless another process was first. */
  add(key: StoredDataKey): Promise<void>;
  /** All of them, by workspace and generation. */
  all(): Promise<StoredDataKey[]>;
  /** Unless it was changed since it was read. @returns whether it was replaced */
  replace(old: StoredDataKey, wrapped: WrappedKey): Promise<boolean>;
  /** Tells every process to forget what it knows. */
  bumpGeneration(): Promise<void>;
}

/** What a wrapped data key is bound to. */
export function dataKeyContext({ workspaceId, generation }: Pick<StoredDataKey, 'workspaceId' | 'generation'>): string {
  return `${workspaceId}\0${generation}`;
}
