import type { Act } from './audit.ts';
import type { CallContext } from './call-context.ts';
import type { Filter } from './filter/ast.ts';

/** Which memories of a workspace go: living ones, and those that are dead and not purged yet. */
export type PurgeTarget =
  | { readonly kind: 'ids'; readonly ids: readonly string[] }
  | { readonly kind: 'filter'; readonly filter: Filter }
  /** The personal memories of a user. */
  | { readonly kind: 'user'; readonly userId: string };

/** What goes, or would go. */
export interface PurgeCounts {
  readonly memories: number;
  readonly contentBytes: number;
  readonly revisions: number;
}

export interface PurgedBatch extends PurgeCounts {
  /** Change numbers of what went, by which the request log knows it. */
  readonly changes: readonly number[];
  /** Whether some of the batch is left: a history longer than a batch. */
  readonly more: boolean;
  /** Head of the workspace afterwards; undefined when nothing went. */
  readonly head: number | undefined;
}

/** The entry of the audit trail that a purge keeps up to date with every batch, in the same transaction. */
export interface PurgeAccount {
  /** Its details are what has gone so far. */
  act: Act;
  /** Set by the repository with the first batch. */
  auditId: number | undefined;
}

export interface BoundKey {
  readonly id: string;
  readonly name: string;
  readonly revoked: boolean;
  /** A key of somebody else has the same name. */
  readonly shared: boolean;
}

/** By what a user is known. */
export interface UserNames {
  readonly userId: string;
  /** As whom it wrote. */
  readonly authors: readonly string[];
  readonly keyIds: readonly string[];
}

export interface AuthoredMemories {
  readonly ids: readonly string[];
  /** Newest change that was looked at. */
  readonly upTo: number;
}

interface AccountedBatch {
  readonly ids: readonly string[];
  readonly account: PurgeAccount;
  /** Entries of the caches could not be taken out of use: their epoch is bumped in the same transaction. */
  readonly bumpCacheEpoch: boolean;
}

export interface PurgeBatch extends AccountedBatch {
  readonly target: PurgeTarget;
  /** Most entries of histories that go at once; undefined: they are known to be few. */
  readonly mostRevisions: number | undefined;
}

export interface RenameBatch extends AccountedBatch {
  readonly authors: readonly string[];
  readonly instead: string;
}

/**
 * Removes for good. Every removal is a transaction of its own under the lock that orders all writes of
 * the workspace, and short. Errors as MemoryRepository.
 */
export interface PurgeRepository {
  counts(call: CallContext, target: PurgeTarget): Promise<PurgeCounts>;
  /** Ids of what matches behind `afterId`, in order. */
  ids(call: CallContext, target: PurgeTarget, afterId: string | undefined, limit: number): Promise<string[]>;
  /** The histories of these memories, entry by entry. */
  changes(call: CallContext, ids: readonly string[]): Promise<{ readonly id: string; readonly changeNo: number }[]>;
  /** Forgets the requests that made any of these changes. @returns how many */
  forgetRequests(call: CallContext, changes: readonly number[]): Promise<number>;
  /** Removes those of `ids` that still match, with their history. */
  removeBatch(call: CallContext, batch: PurgeBatch): Promise<PurgedBatch>;
  /** Memories of others than the user that any of its names wrote to after a change. */
  authored(call: CallContext, names: UserNames, after: number): Promise<AuthoredMemories>;
  /** @returns entries of the history that named one of the authors, and the head of the workspace afterwards */
  renameAuthor(call: CallContext, batch: RenameBatch): Promise<{ readonly revisions: number; readonly head: number }>;
  /** Takes a user out of the audit trail. @returns entries that named it */
  renameInAudit(call: CallContext, names: UserNames, instead: string): Promise<number>;
  /** Removes the settings of a user with their history. @returns how many */
  forgetSettings(call: CallContext, names: UserNames, instead: string): Promise<number>;
  /** The keys that are bound to a user, revoked ones too. */
  boundKeys(call: CallContext, userId: string): Promise<BoundKey[]>;
  /**
   * Writes the last word into the audit trail, has counts made anew and opened secrets forgotten by every
   * process, and the space swept in the background.
   */
  finish(call: CallContext, account: PurgeAccount): Promise<void>;
}

/** Where copies are kept: what is removed from the database is removed there too, in the same order as any write. */
export interface PurgeCaches {
  /**
   * Runs a removal between taking the entries of `ids` out of use and clearing them.
   *
   * @param remove is told whether the cache epoch of the workspace must be bumped in the same transaction
   */
  removing<T>(call: CallContext, ids: readonly string[], remove: (bumpCacheEpoch: boolean) => Promise<T>): Promise<T>;
}
