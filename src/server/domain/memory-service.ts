import { LIMITS } from '../../shared/limits.ts';
import { reaches } from './access.ts';
import type { CallContext, Clock } from './call-context.ts';
import { checkDistinct, readDelete, readRestore, readSave, type SaveChange } from './changes.ts';
import { MemoryExport } from './export-memories.ts';
import { MemoryListing } from './list-memories.ts';
import { Consistency, isExpired, type MemoryRecord, type Revision } from './memory.ts';
import { readConsistency, readGetTarget } from './reads.ts';
import { refused } from './refusals.ts';
import type { Change, MemoryRepository, StorageDescription, StorageInfo } from './repository.ts';
import type * as input from './requests.ts';
import { getRevision, listRevisions, type RevisionPage } from './revisions.ts';
import type { MetadataSealing, RevealingCall } from './sealing/metadata-sealing.ts';
import { StorageInfoCache } from './storage-info.ts';
import type { TokenSealer } from './token.ts';
import { differingOwner, namesOwner, readUpdate } from './update-mask.ts';
import { memoryNotFound } from './validation/owner.ts';
import { readUuid } from './validation/text.ts';
import { Violations } from './validation/violations.ts';
import { type Mutation, type Written, write } from './write.ts';

export interface MemoryServiceParts {
  readonly repository: MemoryRepository;
  readonly clock: Clock;
  readonly tokens: TokenSealer;
  readonly sealing: MetadataSealing;
}

/** A memory that was written, and the workspace's change number afterwards. */
export interface WrittenOne {
  /** undefined: there was none, and that was allowed. */
  readonly record: MemoryRecord | undefined;
  readonly head: number;
}

/** What a batch get found besides the records it gave out. */
export interface BatchFound {
  readonly missingIds: readonly string[];
  /** Those there was no room for, and those behind them, which were not looked for. */
  readonly remainingIds: readonly string[];
}

/** Memories a batch get reads at a time: of the largest size they take 25 MiB, the answer at most 4. */
const BATCH_GET_STEP = 100;

/**
 * The rules of the memory RPCs. Every request is checked completely before anything is asked of the
 * repository; what a credential does not reach is answered exactly as what is not there.
 *
 * Errors of all: ServiceError INVALID_FIELD, MEMORY_NOT_FOUND, and those of MemoryRepository.
 */
export class MemoryService {
  readonly #repository: MemoryRepository;
  readonly #clock: Clock;
  readonly #tokens: TokenSealer;
  readonly #sealing: MetadataSealing;
  readonly #storageInfo: StorageInfoCache;

  constructor({ repository, clock, tokens, sealing }: MemoryServiceParts) {
    this.#repository = repository;
    this.#clock = clock;
    this.#tokens = tokens;
    this.#sealing = sealing;
    this.#storageInfo = new StorageInfoCache(repository, clock);
  }

  /** @throws ServiceError MEMORY_EXISTS, ETAG_MISMATCH, OWNER_FIXED, REQUEST_ID_REUSED */
  save(call: CallContext, request: input.SaveInput): Promise<WrittenOne> {
    const { startedAt, violations } = begin();
    const { memory, createOnly } = request;
    if (memory === undefined) violations.add('memory', 'is absent');
    const changes = memory
      ? [readSave(violations, call, 'memory', memory, createOnly, this.#clock.now())]
      : ([] as SaveChange[]);
    const path = () => 'memory';
    return this.#writeOne(call, { rpc: 'SaveMemory', request, changes, violations, startedAt, path, batch: false });
  }

  /** @throws ServiceError ETAG_MISMATCH, OWNER_FIXED, REQUEST_ID_REUSED */
  async update(call: CallContext, request: input.UpdateInput): Promise<WrittenOne> {
    const { startedAt, violations } = begin();
    const { memory, updateMask } = request;
    if (memory === undefined) violations.add('memory', 'is absent');
    const changes = memory ? [readUpdate(violations, call, memory, updateMask, this.#clock.now())] : [];
    const path = () => 'memory';
    if (memory && violations.none && namesOwner(memory, updateMask)) await this.#checkOwner(call, memory);
    return this.#writeOne(call, { rpc: 'UpdateMemory', request, changes, violations, startedAt, path, batch: false });
  }

  /** Deletes; a deleted one is not there. @throws ServiceError ETAG_MISMATCH, REQUEST_ID_REUSED */
  async delete(call: CallContext, request: input.DeleteInput): Promise<WrittenOne> {
    const { startedAt, violations } = begin();
    const changes = [readDelete(violations, '', request, request.allowMissing)];
    const path = () => '';
    return this.#writeOne(call, { rpc: 'DeleteMemory', request, changes, violations, startedAt, path, batch: false });
  }

  /** @throws ServiceError NOT_DELETED, REVISION_NOT_FOUND, ETAG_MISMATCH, REQUEST_ID_REUSED */
  async restore(call: CallContext, request: input.RestoreInput): Promise<WrittenOne> {
    const { startedAt, violations } = begin();
    const changes = [readRestore(violations, request)];
    const path = () => '';
    return this.#writeOne(call, { rpc: 'RestoreMemory', request, changes, violations, startedAt, path, batch: false });
  }

  /** All or none; an error names the failing item by `index` and `field` in its metadata. */
  async batchSave(call: CallContext, request: input.BatchSaveInput): Promise<Written> {
    const { startedAt, violations } = begin();
    const path = (index: number) => `memories[${index}]`;
    const changes: SaveChange[] = [];
    if (violations.within('memories', request.memories.length, LIMITS.batchItems)) {
      const now = this.#clock.now();
      request.memories.forEach((memory, index) => {
        changes.push(readSave(violations, call, path(index), memory, false, now));
      });
      checkDistinct(violations, 'memories', changes.map(givenIdOf));
    }
    return this.#write(call, { rpc: 'BatchSaveMemories', request, changes, violations, startedAt, path, batch: true });
  }

  /** All or none, as batchSave. */
  async batchDelete(call: CallContext, request: input.BatchDeleteInput): Promise<Written> {
    const { startedAt, violations } = begin();
    const path = (index: number) => `targets[${index}]`;
    const changes: Change[] = [];
    if (violations.within('targets', request.targets.length, LIMITS.batchItems)) {
      request.targets.forEach((target, index) => {
        changes.push(readDelete(violations, `${path(index)}.`, target, request.allowMissing));
      });
      checkDistinct(violations, 'targets', changes.map(idOf));
    }
    return this.#write(call, {
      rpc: 'BatchDeleteMemories',
      request,
      changes,
      violations,
      startedAt,
      path,
      batch: true,
    });
  }

  /** A living memory, or with showDeleted also a deleted one; never an expired one. */
  get(call: CallContext, request: input.GetInput): MemoryRecord | Promise<MemoryRecord> {
    const violations = new Violations();
    const consistency = readConsistency(violations, request);
    const id = readGetTarget(violations, call, request.target);
    const found = this.#repository.get(call, [id], consistency);
    if (!(found instanceof Promise)) return this.#shown(call, found[0], request.showDeleted);
    return found.then(([record]) => this.#shown(call, record, request.showDeleted));
  }

  /**
   * As get, with what is sealed in clear; that it was asked for is written down first.
   *
   * @throws ServiceError ROLE_DENIED, SEALED_VALUE_UNREADABLE, SEALING_KEY_MISSING
   */
  async reveal(call: RevealingCall, request: input.GetInput): Promise<MemoryRecord> {
    this.#sealing.checkMayReveal(call);
    const record = await this.get(call, request);
    const { memory } = record;
    const [clear] = await this.#sealing.reveal(call, [memory], 'GetMemory', memory.id);
    return clear === undefined || clear === memory ? record : record.with(clear);
  }

  /**
   * The living ones among up to 1000 ids, in order; an id that is repeated is answered once.
   *
   * @param take is given each with the number of ids asked for, and says whether there was room for it;
   *   after the first without, no more are read
   */
  async batchGet(
    call: CallContext,
    request: input.BatchGetInput,
    take: (record: MemoryRecord, asked: number) => boolean,
  ): Promise<BatchFound> {
    const violations = new Violations();
    const consistency = readConsistency(violations, request);
    const ids: string[] = [];
    if (violations.within('ids', request.ids.length, LIMITS.batchItems)) {
      request.ids.forEach((id, index) => {
        ids.push(readUuid(violations, `ids[${index}]`, id));
      });
    }
    violations.check();
    const distinct = [...new Set(ids)];
    const missingIds: string[] = [];
    for (let start = 0; start < distinct.length; start += BATCH_GET_STEP) {
      const step = distinct.slice(start, start + BATCH_GET_STEP);
      const found = await this.#repository.get(call, step, consistency);
      for (const [index, id] of step.entries()) {
        const record = found[index];
        if (record === undefined || !this.#shows(call, record, false)) missingIds.push(id);
        else if (!take(record, distinct.length)) return { missingIds, remainingIds: distinct.slice(start + index) };
      }
    }
    return { missingIds, remainingIds: [] };
  }

  /** @throws ServiceError INVALID_FILTER, INVALID_TOKEN */
  list(call: CallContext, request: input.ListInput): MemoryListing {
    return new MemoryListing(this.#repository, this.#tokens, call, request, this.#sealing.names);
  }

  /** @throws ServiceError INVALID_FILTER, ROLE_DENIED */
  export(call: RevealingCall, request: input.ExportInput): MemoryExport {
    return new MemoryExport(this.#repository, this.#tokens, call, request, this.#sealing);
  }

  /** Newest first; also of a deleted memory, so that it can be decided what to restore. */
  listRevisions(call: CallContext, request: input.ListRevisionsInput): AsyncGenerator<RevisionPage, void> {
    return listRevisions(this.#repository, this.#tokens, call, request, (id) => this.#checkHistory(call, id));
  }

  /** @throws ServiceError REVISION_NOT_FOUND */
  getRevision(call: CallContext, request: input.GetRevisionInput): Promise<Revision> {
    return getRevision(this.#repository, call, request, (id) => this.#checkHistory(call, id));
  }

  /** What the credential reaches, counted at most 60 s ago. */
  storageInfo(call: CallContext): Promise<StorageInfo> {
    return this.#storageInfo.get(call);
  }

  /** Forgets all counts: the server-wide generation of storage_info has moved on. */
  invalidateStorageInfo(): void {
    this.#storageInfo.clear();
  }

  /** The storages memories can be kept in; the first is the one they are kept in. */
  async listStorages(call: CallContext): Promise<readonly StorageDescription[]> {
    return [await this.#storageInfo.describe(call)];
  }

  /** An owner never changes, so that it can be read ahead of the write; what is absent the write refuses. */
  async #checkOwner(call: CallContext, memory: input.MemoryInput): Promise<void> {
    const [record] = await this.#repository.get(call, [memory.id.toLowerCase()], Consistency.READ_YOUR_WRITES);
    if (record === undefined || !this.#shows(call, record, false)) return;
    const field = differingOwner(memory, record);
    if (field !== undefined) throw refused({ kind: 'owner_fixed', field }, 'memory', {});
  }

  /** The history of a memory is there for whom the memory is, deleted or not, until it expires. */
  async #checkHistory(call: CallContext, id: string): Promise<void> {
    const [record] = await this.#repository.get(call, [id], Consistency.READ_YOUR_WRITES);
    if (record === undefined || !this.#shows(call, record, true)) throw memoryNotFound();
  }

  #shown(call: CallContext, record: MemoryRecord | undefined, showDeleted: boolean): MemoryRecord {
    if (record === undefined || !this.#shows(call, record, showDeleted)) throw memoryNotFound();
    return record;
  }

  #shows(call: CallContext, record: MemoryRecord, showDeleted: boolean): boolean {
    if (!reaches(call.access, record) || isExpired(record, this.#clock.now())) return false;
    return showDeleted || record.deleteTime === undefined;
  }

  async #writeOne(call: CallContext, mutation: Mutation): Promise<WrittenOne> {
    const { records, head } = await this.#write(call, mutation);
    return { record: records[0], head };
  }

  #write(call: CallContext, mutation: Mutation): Promise<Written> {
    return write(this.#repository, this.#sealing, call, mutation);
  }
}

function begin() {
  return { startedAt: performance.now(), violations: new Violations() };
}

/** Those made here differ from all others. */
function givenIdOf(change: Change): string {
  return change.fresh ? '' : change.id;
}

function idOf(change: Change): string {
  return change.id;
}
