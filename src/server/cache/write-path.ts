import { type CallContext, Stage } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import type { MemoryRepository, WriteOutcome, WriteRequest } from '../domain/repository.ts';
import { valueBytes } from './entry.ts';
import type { EpochTrust } from './epoch-trust.ts';
import type { EntryStore, Step, Stepped } from './protocol.ts';
import type { TokenSource } from './token-source.ts';
import type { UnknownCommits } from './unknown-commits.ts';

/** Writes through the store: steps 2 to 5 of the protocol. */
export class WritePath {
  readonly #inner: MemoryRepository;
  readonly #store: EntryStore;
  readonly #trust: Pick<EpochTrust, 'epoch' | 'bumped'>;
  readonly #tokens: TokenSource;
  readonly #unknownCommits: UnknownCommits;
  readonly #bumpCacheEpoch: (workspaceId: number) => Promise<void>;

  constructor(
    inner: MemoryRepository,
    store: EntryStore,
    trust: Pick<EpochTrust, 'epoch' | 'bumped'>,
    tokens: TokenSource,
    unknownCommits: UnknownCommits,
    bumpCacheEpoch: (workspaceId: number) => Promise<void>,
  ) {
    this.#inner = inner;
    this.#store = store;
    this.#trust = trust;
    this.#tokens = tokens;
    this.#unknownCommits = unknownCommits;
    this.#bumpCacheEpoch = bumpCacheEpoch;
  }

  async write(call: CallContext, request: WriteRequest): Promise<WriteOutcome> {
    const { workspaceId } = request;
    const ids = this.#idsToMark(request);
    if (ids.length === 0) return this.#inner.write(call, request);

    // Taken before the write: a value must not claim to know of a bump that came after its commit.
    const epoch = this.#trust.epoch(workspaceId);
    const token = this.#tokens.next();
    const marking = this.#mark(call, workspaceId, ids, token);
    const marked = marking instanceof Promise ? await marking : marking;
    let outcome: WriteOutcome;
    try {
      outcome = await this.#inner.write(call, marked ? request : { ...request, bumpCacheEpoch: true });
    } catch (error) {
      if (neverWritten(error)) this.#withdraw(workspaceId, ids, token);
      else this.#unknownCommits.add(workspaceId);
      throw error;
    }
    if (outcome.kind === 'refused') {
      if (marked) this.#withdraw(workspaceId, ids, token);
      return outcome;
    }
    if (!marked) {
      this.#trust.bumped();
      return outcome;
    }
    const settling = this.#settle(call, workspaceId, ids, token, epoch, outcome);
    const settled = settling instanceof Promise ? await settling : settling;
    if (!settled) await this.#bump(workspaceId, outcome.head);
    return outcome;
  }

  /** Runs a removal as a write that leaves no value behind. @param remove is told whether to bump the epoch */
  async removing<T>(
    call: CallContext,
    ids: readonly string[],
    remove: (bumpCacheEpoch: boolean) => Promise<T>,
  ): Promise<T> {
    const { workspaceId } = call;
    const token = this.#tokens.next();
    const marked = await this.#mark(call, workspaceId, ids, token);
    let removed: T;
    try {
      removed = await remove(!marked);
    } catch (error) {
      if (neverWritten(error)) this.#withdraw(workspaceId, ids, token);
      else this.#unknownCommits.add(workspaceId);
      throw error;
    }
    const steps = ids.map((id): Step => ({ op: 'settle', id, token, value: undefined }));
    if (!marked) this.#trust.bumped();
    else if ((await this.#store.step(workspaceId, steps)) === undefined) await this.#bump(workspaceId, 0);
    return removed;
  }

  /**
   * Of an id the server just made nothing can be cached, so Redis is not troubled with it: what is
   * never read again would only push out what is. Within this process the mark costs nothing and
   * lets the first read hit. Batches leave no values anywhere: an import must not empty the cache.
   */
  #idsToMark({ changes, validateOnly }: WriteRequest): string[] {
    if (validateOnly) return [];
    const keepFresh = this.#store.kind === 'local' && changes.length === 1;
    return changes.filter(({ fresh }) => keepFresh || !fresh).map(({ id }) => id);
  }

  /** Whether every mark is confirmed, as P or as X. */
  #mark(call: CallContext, workspaceId: number, ids: readonly string[], token: string): boolean | Promise<boolean> {
    if (!this.#store.usable) return false;
    const steps = ids.map((id): Step => ({ op: 'mark', id, token }));
    return this.#confirmed(call, 'cache_mark', workspaceId, steps);
  }

  /** Takes steps; whether that is confirmed. */
  #confirmed(call: CallContext, name: string, workspaceId: number, steps: readonly Step[]): boolean | Promise<boolean> {
    const startedAt = performance.now();
    const told = (answers: Stepped) => {
      call.observe(Stage.CACHE, name, startedAt);
      return answers !== undefined;
    };
    const answers = this.#store.step(workspaceId, steps);
    return answers instanceof Promise ? answers.then(told) : told(answers);
  }

  /** Whether it is confirmed that nothing older than the write is left. */
  #settle(
    call: CallContext,
    workspaceId: number,
    ids: readonly string[],
    token: string,
    epoch: number,
    outcome: Extract<WriteOutcome, { kind: 'done' }>,
  ): boolean | Promise<boolean> {
    // A replay answers with what was written then, which may be old by now, and under its own id.
    const [record] = ids.length === 1 && outcome.records.length === 1 && !outcome.replayed ? outcome.records : [];
    const value =
      record !== undefined && valueBytes(record) <= this.#store.maxValueBytes ? { epoch, record } : undefined;
    const steps = ids.map((id): Step => ({ op: 'settle', id, token, value }));
    return this.#confirmed(call, 'cache_settle', workspaceId, steps);
  }

  /** Nothing was written: no reader depends on the marks, so nobody waits. */
  #withdraw(workspaceId: number, ids: readonly string[], token: string): void {
    void this.#store.step(
      workspaceId,
      ids.map((id): Step => ({ op: 'settle', id, token, value: undefined })),
    );
  }

  /**
   * Step 4 after the commit. Postgres failing as well, the caller is not told "done" about a write
   * that others might not see: a retry with the same request_id finds out and clears the entry.
   */
  async #bump(workspaceId: number, head: number): Promise<void> {
    try {
      await this.#bumpCacheEpoch(workspaceId);
    } catch (cause) {
      this.#unknownCommits.add(workspaceId);
      throw new ServiceError('COMMIT_UNKNOWN', 'the write could not be confirmed; retry with the same request_id', {
        cause,
        ...(head > 0 ? { metadata: { revision: String(head) } } : {}),
      });
    }
    this.#trust.bumped();
  }
}

/** Errors that say for certain that nothing was committed. */
function neverWritten(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return false;
  return error.reason !== 'COMMIT_UNKNOWN' && error.reason !== 'DEADLINE_EXCEEDED' && error.reason !== 'CANCELLED';
}
