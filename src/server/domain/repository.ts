import type { Access } from './access.ts';
import type { CallContext } from './call-context.ts';
import type { Filter } from './filter/ast.ts';
import type { Consistency, JsonObject, MemoryRecord, Micros, Operation, Owner, Revision } from './memory.ts';
import type { SealedChange, SealedValues } from './sealing/sealed-values.ts';
import type { WrittenRows } from './written-rows.ts';

/** Which fields an UPDATE sets; the others keep their value. */
export const Field = { CATEGORY: 1, CONTENT: 2, TAGS: 4, METADATA: 8, EXPIRY: 16 } as const;
export const ALL_FIELDS = 31;

/** The fields a writer may set. */
export interface MemoryFields {
  readonly category: string;
  readonly content: string;
  readonly tags: readonly string[];
  /** With placeholders in the place of what is sealed. */
  readonly metadata: JsonObject | undefined;
  /** The same as JSON, where it was made already. */
  readonly metadataJson?: string | undefined;
  /** What goes with the placeholders; set by the step that seals and by nothing else. */
  readonly sealed?: SealedChange | undefined;
  /** Absolute; not together with ttlMicros. */
  readonly expireTime: Micros | undefined;
  /** Counted from the write's update_time, by the database's clock. */
  readonly ttlMicros: Micros | undefined;
}

/** One wanted change of one memory, checked and complete. */
export type Change = {
  readonly id: string;
  /** The id was made by this server for this very call: nothing can be there. */
  readonly fresh: boolean;
  /** The change number the memory must have; undefined: any. 0 never matches. */
  readonly expectedChangeNo: number | undefined;
} & (
  | {
      readonly kind: 'save';
      readonly owner: Owner;
      readonly key: string;
      readonly fields: MemoryFields;
      readonly createOnly: boolean;
    }
  | { readonly kind: 'update'; readonly fields: MemoryFields /** Bits of Field. */; readonly mask: number }
  | { readonly kind: 'delete'; readonly allowMissing: boolean }
  /** revision 0: as it was before its deletion. */
  | { readonly kind: 'restore'; readonly revision: number }
);

/** What belongs to a whole call that writes: one change, or a batch of them. */
export interface WriteRequest {
  readonly workspaceId: number;
  readonly access: Access;
  readonly author: string;
  readonly note: string;
  /** UUID of the caller; undefined: not idempotent. */
  readonly requestId: string | undefined;
  /** SHA-256 of RPC name and canonical request; there whenever requestId is. */
  readonly requestHash: Uint8Array | undefined;
  /** All of them or none. One change rides in the group commit; several are a transaction. */
  readonly changes: readonly Change[];
  /** Decide and answer as if, but write nothing. */
  readonly validateOnly: boolean;
  /** Set by the cache when it could not mark the entries: bump the cache epoch in the same commit. */
  readonly bumpCacheEpoch: boolean;
}

/** Why one change of a request cannot be made. */
export type Refusal =
  | { readonly kind: 'not_found' }
  | { readonly kind: 'exists' }
  | { readonly kind: 'etag_mismatch'; readonly currentChangeNo: number }
  | { readonly kind: 'owner_fixed'; readonly field: 'scope' | 'user_id' | 'team' | 'key' }
  | { readonly kind: 'not_deleted' }
  | { readonly kind: 'revision_not_found' }
  /** A placeholder came back for which the living memory keeps nothing. */
  | { readonly kind: 'sealed_unknown' }
  | { readonly kind: 'request_id_reused' };

export type WriteOutcome =
  /** One entry a change in order; undefined where a missing memory was allowed. */
  | {
      readonly kind: 'done';
      readonly replayed: boolean;
      readonly records: readonly (MemoryRecord | undefined)[] /** Head of the workspace. */;
      readonly head: number;
    }
  /** Nothing was written. */
  | { readonly kind: 'refused'; readonly index: number; readonly refusal: Refusal };

export interface ListOrder {
  readonly by: 'create_time' | 'update_time';
  readonly descending: boolean;
}

/** A place in a list: the last row that was given out. */
export interface ListPosition {
  /** create_time in microseconds, or change_no when ordered by update_time. */
  readonly at: number;
  readonly id: string;
}

export interface ListQuery {
  readonly workspaceId: number;
  readonly access: Access;
  readonly filter: Filter | undefined;
  readonly order: ListOrder;
  readonly after: ListPosition | undefined;
  /** Most rows of this page. */
  readonly pageSize: number;
  /** About the bytes from which on the page takes no further row; it always takes one. */
  readonly pageBytes: number;
  readonly showDeleted: boolean;
  readonly consistency: Consistency;
}

export interface ListPage {
  /** Those that the caller gave. */
  readonly rows: WrittenRows;
  /** Where the next page starts; undefined: this was the last. May be set with no rows, when the
   * scan budget of a filter without an index ran out. */
  readonly next: ListPosition | undefined;
}

/** The state an export shows. */
export interface ExportSnapshot {
  /** R: the workspace's change number. */
  readonly revision: number;
  /** T: the database's time when the export began; expiry is judged by it. */
  readonly time: Micros;
}

export interface ExportQuery extends ExportSnapshot {
  readonly workspaceId: number;
  readonly access: Access;
  readonly filter: Filter | undefined;
  readonly showDeleted: boolean;
  /** Ids after this one; undefined: from the beginning. Exports go by id. */
  readonly afterId: string | undefined;
  /** Most rows of this page. */
  readonly pageSize: number;
  /** As in ListQuery. */
  readonly pageBytes: number;
}

export interface ExportPage {
  readonly rows: WrittenRows;
  /** The next page starts behind it, given out or not; undefined: there are no more. */
  readonly nextId: string | undefined;
}

export interface RevisionQuery {
  readonly workspaceId: number;
  readonly memoryId: string;
  /** Revisions below this one; undefined: from the newest. */
  readonly before: number | undefined;
  /** Most revisions of this page. */
  readonly pageSize: number;
  /** As in ListQuery. */
  readonly pageBytes: number;
}

export interface HistoryPage {
  readonly revisions: readonly Revision[];
  /** `before` of the next page; undefined: this was the last. */
  readonly next: number | undefined;
}

export interface StorageCount {
  readonly name: string;
  readonly memories: number;
  readonly contentBytes: number;
}

export interface StorageInfo {
  readonly memories: number;
  readonly contentBytes: number;
  readonly deletedMemories: number;
  readonly byScope: readonly StorageCount[];
  readonly byTeam: readonly StorageCount[];
  readonly byCategory: readonly StorageCount[];
  readonly revision: number;
  readonly at: Micros;
}

/** A storage memories can be kept in. */
export interface StorageDescription {
  readonly name: string;
  readonly engine: string;
  readonly version: string;
  readonly capabilities: readonly string[];
}

/** No promise of them where they are at hand: a hit in this process' cache has nothing to wait for. */
export type FoundRecords = (MemoryRecord | undefined)[];

/**
 * What a query means, whatever keeps the memories. Every implementation passes the suite in
 * test/contract. Records of dead memories are returned too: the rules decide who sees them.
 *
 * Errors: ServiceError with DATABASE_UNAVAILABLE, COMMIT_UNKNOWN, OVERLOADED, DEADLINE_EXCEEDED or
 * CANCELLED; anything else is a bug.
 */
export interface MemoryRepository {
  /** Records by id, in the order of `ids`; undefined where there is no row. At most 1000 ids. */
  get(call: CallContext, ids: readonly string[], consistency: Consistency): FoundRecords | Promise<FoundRecords>;
  /** Writes all changes of the request or none; resolves after the commit. */
  write(call: CallContext, request: WriteRequest): Promise<WriteOutcome>;
  /** @param into is filled with the page's rows */
  list(call: CallContext, query: ListQuery, into: WrittenRows): Promise<ListPage>;
  /** The state an export that begins now will show, and about how many rows it has. */
  beginExport(call: CallContext, workspaceId: number): Promise<ExportSnapshot & { rowEstimate: number }>;
  /**
   * @param into is filled with the page's rows
   * @throws ServiceError INVALID_TOKEN when rows of that state, or their history, were removed since
   */
  exportPage(call: CallContext, query: ExportQuery, into: WrittenRows): Promise<ExportPage>;
  /** Newest first. */
  revisions(call: CallContext, query: RevisionQuery): Promise<HistoryPage>;
  revision(call: CallContext, workspaceId: number, memoryId: string, revision: number): Promise<Revision | undefined>;
  /**
   * The sealed values of memories as these changes left them, by change number; those without any are
   * left out. From the primary.
   */
  sealedValues(
    call: CallContext,
    workspaceId: number,
    changeNos: readonly number[],
  ): Promise<ReadonlyMap<number, SealedValues>>;
  storageInfo(call: CallContext, workspaceId: number, access: Access): Promise<StorageInfo>;
  describe(call: CallContext): Promise<StorageDescription>;
}

export type { Access, Operation };
