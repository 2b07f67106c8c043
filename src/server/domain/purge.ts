import { hash } from 'node:crypto';
import { LIMITS } from '../../shared/limits.ts';
import type { SensitiveNames } from '../../shared/sensitive-names.ts';
import { actOf } from './audit.ts';
import type { CallContext } from './call-context.ts';
import { parseFilter } from './filter/parse.ts';
import type { JsonObject } from './memory.ts';
import type { Caller } from './principal.ts';
import { BATCH, type PurgePart, partsOf } from './purge-batches.ts';
import type {
  AuthoredMemories,
  PurgeAccount,
  PurgeCaches,
  PurgeCounts,
  PurgeRepository,
  PurgeTarget,
  UserNames,
} from './purge-repository.ts';
import { checkIdentifier, checkLine, readUuid } from './validation/text.ts';
import { Violations } from './validation/violations.ts';

export type PurgeCall = CallContext & Caller;

/** A purge as it is asked for, not checked yet. */
export interface WantedPurge {
  readonly ids: readonly string[];
  readonly filter: string;
  readonly dryRun: boolean;
  readonly note: string;
}

export interface WantedErasure {
  readonly userId: string;
  readonly dryRun: boolean;
  readonly note: string;
}

/** What went, or would go. */
export interface PurgeReceipt extends PurgeCounts {
  readonly requests: number;
  readonly dryRun: boolean;
  /** Head of the workspace after the last removal; 0 when nothing went. */
  readonly revision: number;
}

export interface ErasureReceipt extends PurgeReceipt {
  /** Entries of histories of other memories in which the user was the author. */
  readonly renamedRevisions: number;
  readonly auditEvents: number;
  /** Settings of the user, which went with their history. */
  readonly settings: number;
  /** Keys bound to the user, which go on working until they are revoked. */
  readonly apiKeyIds: readonly string[];
}

/** The name of an author who was erased. */
export const ERASED = 'erased';

/** Memories that are looked for at a time. */
const PAGE = 10_000;

/**
 * Removes memories for good: with their whole history, the requests that made them, and their copies in
 * caches. In short transactions, so that writers go on; whoever is stopped halfway asks again, and the
 * audit trail tells what went.
 *
 * Errors: ServiceError INVALID_FIELD, INVALID_FILTER, and those of MemoryRepository.
 */
export class MemoryPurge {
  readonly #repository: PurgeRepository;
  readonly #caches: PurgeCaches;
  readonly #names: SensitiveNames;

  /** @param names filters may not look at what stands under them */
  constructor(repository: PurgeRepository, caches: PurgeCaches, names: SensitiveNames) {
    this.#repository = repository;
    this.#caches = caches;
    this.#names = names;
  }

  async purge(call: PurgeCall, wanted: WantedPurge): Promise<PurgeReceipt> {
    const target = readTarget(wanted, this.#names);
    if (wanted.dryRun) return this.#dryRun(call, target);
    const by = target.kind === 'ids' ? { ids: target.ids.length } : { by: 'filter' };
    const account = accountOf(call, 'PurgeMemories', '', { ...by, ...noteOf(wanted.note) });
    const receipt = await this.#remove(call, target, account);
    await this.#finish(call, account, receipt.requests);
    return receipt;
  }

  async eraseUser(call: PurgeCall, wanted: WantedErasure): Promise<ErasureReceipt> {
    const violations = new Violations();
    const { userId } = wanted;
    if (userId === '') violations.add('user_id', 'is empty; a user is needed');
    checkIdentifier(violations, 'user_id', userId);
    // Who erases is named in the audit trail, and would take that name out of it.
    if (userId !== '' && userId === call.author) violations.add('user_id', 'is the caller; another admin has to do it');
    checkLine(violations, 'note', wanted.note, LIMITS.noteBytes);
    violations.check();
    const target: PurgeTarget = { kind: 'user', userId };
    const keys = await this.#repository.boundKeys(call, userId);
    const apiKeyIds = keys.filter(({ revoked }) => !revoked).map(({ id }) => id);
    // A key's name is the author of what it writes; one that others have too names nobody.
    const authors = [userId, ...keys.filter(({ shared }) => !shared).map(({ name }) => name)];
    const names = { userId, authors, keyIds: keys.map(({ id }) => id) };
    if (wanted.dryRun) {
      const receipt = await this.#dryRun(call, target);
      return { ...receipt, renamedRevisions: 0, auditEvents: 0, settings: 0, apiKeyIds };
    }
    const account = accountOf(call, 'EraseUser', fingerprint(call.workspaceId, userId), noteOf(wanted.note));
    // All of the history is looked through for them while the user's own memories go.
    const authored = this.#repository.authored(call, names, 0);
    // Whether it failed is asked when it is needed.
    authored.catch(() => {});
    const receipt = await this.#remove(call, target, account);
    const renamed = await this.#renameAuthor(call, names, await authored, account);
    const settings = await this.#repository.forgetSettings(call, names, ERASED);
    const auditEvents = await this.#repository.renameInAudit(call, names, ERASED);
    await this.#finish(call, account, receipt.requests);
    const revision = Math.max(receipt.revision, renamed.head);
    return { ...receipt, revision, renamedRevisions: renamed.revisions, auditEvents, settings, apiKeyIds };
  }

  async #dryRun(call: PurgeCall, target: PurgeTarget): Promise<PurgeReceipt> {
    return { ...(await this.#repository.counts(call, target)), requests: 0, dryRun: true, revision: 0 };
  }

  async #remove(call: PurgeCall, target: PurgeTarget, account: PurgeAccount): Promise<PurgeReceipt> {
    const gone = { memories: 0, contentBytes: 0, revisions: 0, requests: 0, dryRun: false, revision: 0 };
    let afterId: string | undefined;
    for (;;) {
      const ids = await this.#repository.ids(call, target, afterId, PAGE);
      const history = await this.#repository.changes(call, ids);
      const known = new Set(history.map(({ changeNo }) => changeNo));
      const lengths = new Map<string, number>();
      for (const { id } of history) lengths.set(id, (lengths.get(id) ?? 0) + 1);
      // The requests first: if this is stopped in between, asking again finds the memories, and so the rest.
      gone.requests += await this.#repository.forgetRequests(call, [...known]);
      const late: number[] = [];
      for (const part of partsOf(ids, lengths)) {
        const batch = await this.#removeBatch(call, target, part, account);
        gone.memories += batch.memories;
        gone.contentBytes += batch.contentBytes;
        gone.revisions += batch.revisions;
        gone.revision = batch.head ?? gone.revision;
        for (const change of batch.changes) if (!known.has(change)) late.push(change);
      }
      // Changes that were made meanwhile.
      gone.requests += await this.#repository.forgetRequests(call, late);
      if (ids.length < PAGE) return gone;
      afterId = ids.at(-1);
    }
  }

  async #removeBatch(call: PurgeCall, target: PurgeTarget, part: PurgePart, account: PurgeAccount) {
    const sum = {
      memories: 0,
      contentBytes: 0,
      revisions: 0,
      changes: [] as number[],
      head: undefined as number | undefined,
    };
    for (;;) {
      call.signal.throwIfAborted();
      const batch = await this.#caches.removing(call, part.ids, (bumpCacheEpoch) =>
        this.#repository.removeBatch(call, { ...part, target, account, bumpCacheEpoch }),
      );
      sum.memories += batch.memories;
      sum.contentBytes += batch.contentBytes;
      sum.revisions += batch.revisions;
      sum.head = batch.head ?? sum.head;
      for (const change of batch.changes) sum.changes.push(change);
      if (!batch.more) return sum;
    }
  }

  async #renameAuthor(call: PurgeCall, names: UserNames, known: AuthoredMemories, account: PurgeAccount) {
    const { authors } = names;
    const late = await this.#repository.authored(call, names, known.upTo);
    const ids = [...new Set([...known.ids, ...late.ids])];
    let revisions = 0;
    let head = 0;
    for (let from = 0; from < ids.length; from += BATCH) {
      call.signal.throwIfAborted();
      const batch = ids.slice(from, from + BATCH);
      const renamed = await this.#caches.removing(call, batch, (bumpCacheEpoch) =>
        this.#repository.renameAuthor(call, { ids: batch, authors, instead: ERASED, account, bumpCacheEpoch }),
      );
      revisions += renamed.revisions;
      head = renamed.head;
    }
    return { revisions, head };
  }

  async #finish(call: PurgeCall, account: PurgeAccount, requests: number): Promise<void> {
    account.act = { ...account.act, details: { memories: 0, revisions: 0, ...account.act.details, requests } };
    await this.#repository.finish(call, account);
  }
}

/** Ids or a filter, and never everything by mistake. */
function readTarget({ ids, filter, note }: WantedPurge, names: SensitiveNames): PurgeTarget {
  const violations = new Violations();
  checkLine(violations, 'note', note, LIMITS.noteBytes);
  const byFilter = filter.trim() !== '';
  if (byFilter && ids.length > 0) violations.add('filter', 'is given together with ids; only one of them may be');
  const uuids: string[] = [];
  if (!byFilter && violations.within('ids', ids.length, LIMITS.batchItems)) {
    ids.forEach((id, index) => {
      uuids.push(readUuid(violations, `ids[${index}]`, id));
    });
  }
  violations.check();
  const parsed = byFilter ? parseFilter(filter, names) : undefined;
  return parsed === undefined ? { kind: 'ids', ids: [...new Set(uuids)] } : { kind: 'filter', filter: parsed };
}

function accountOf(call: PurgeCall, action: string, target: string, details: JsonObject): PurgeAccount {
  return { act: actOf(call, { action, workspaceId: call.workspaceId, target, details }), auditId: undefined };
}

function noteOf(note: string): JsonObject {
  return note === '' ? {} : { note };
}

/** So that who knows the user's name can see that it was erased, and the trail does not name it. */
function fingerprint(workspaceId: number, userId: string): string {
  return `sha256:${hash('sha256', `${workspaceId}\0${userId}`).slice(0, 32)}`;
}
