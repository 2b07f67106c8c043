import { type CallContext, Stage } from '../domain/call-context.ts';
import { Consistency } from '../domain/memory.ts';
import type { FoundRecords, MemoryRepository } from '../domain/repository.ts';
import type { CacheCounters } from './cache-counters.ts';
import { valueBytes } from './entry.ts';
import type { EpochTrust } from './epoch-trust.ts';
import type { EntryStore, Found, Step } from './protocol.ts';
import type { TokenSource } from './token-source.ts';

type Lease = Step & { readonly op: 'lease' };

/** Reads through the store: step 1 of the protocol. */
export class ReadPath {
  readonly #inner: MemoryRepository;
  readonly #store: EntryStore;
  readonly #trust: Pick<EpochTrust, 'epoch' | 'holds'>;
  readonly #counters: CacheCounters;
  readonly #tokens: TokenSource;

  constructor(
    inner: MemoryRepository,
    store: EntryStore,
    trust: Pick<EpochTrust, 'epoch' | 'holds'>,
    counters: CacheCounters,
    tokens: TokenSource,
  ) {
    this.#inner = inner;
    this.#store = store;
    this.#trust = trust;
    this.#counters = counters;
    this.#tokens = tokens;
  }

  /** READ_YOUR_WRITES, or EVENTUAL: then what is missing may come from a replica and is not filled. */
  get(call: CallContext, ids: readonly string[], consistency: Consistency): FoundRecords | Promise<FoundRecords> {
    if (!this.#store.usable || !this.#trust.holds()) return this.#pass(call, ids, consistency);
    const startedAt = performance.now();
    const found = this.#store.read(call.workspaceId, ids);
    if (!(found instanceof Promise)) return this.#answer(call, ids, consistency, found, startedAt);
    return found.then((later) => this.#answer(call, ids, consistency, later, startedAt));
  }

  #pass(call: CallContext, ids: readonly string[], consistency: Consistency): FoundRecords | Promise<FoundRecords> {
    this.#counters.misses += ids.length;
    return this.#inner.get(call, ids, consistency);
  }

  #answer(
    call: CallContext,
    ids: readonly string[],
    consistency: Consistency,
    found: Found[],
    startedAt: number,
  ): FoundRecords | Promise<FoundRecords> {
    call.observe(Stage.CACHE, 'cache_read', startedAt);
    // Asked again: the polls may have stopped, and the epoch moved, while the store was answering.
    if (!this.#trust.holds()) return this.#pass(call, ids, consistency);
    const epoch = this.#trust.epoch(call.workspaceId);
    const records: FoundRecords = new Array(ids.length);
    const missing: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      const entry = found[i];
      if (typeof entry === 'object' && entry.record !== undefined && entry.epoch >= epoch) records[i] = entry.record;
      else missing.push(i);
    }
    const hits = ids.length - missing.length;
    if (this.#store.kind === 'local') this.#counters.localHits += hits;
    else this.#counters.redisHits += hits;
    if (missing.length === 0) return records;
    this.#counters.misses += missing.length;
    for (const i of missing) if (found[i] === 'P' || found[i] === 'X') this.#counters.refusedFills++;
    const leases = consistency === Consistency.EVENTUAL ? [] : this.#leases(ids, found, missing);
    // Most reads where the store has room for few: as cheap as without it.
    if (hits === 0 && leases.length === 0) return this.#inner.get(call, ids, consistency);
    return this.#fetch(call, ids, consistency, leases, missing, records, epoch);
  }

  /** Where nothing is, or a value that counts no more; of an id that is asked for twice, one. */
  #leases(ids: readonly string[], found: readonly Found[], missing: readonly number[]): Lease[] {
    const token = this.#tokens.next();
    const leases = new Map<string, Lease>();
    for (const i of missing) {
      const id = ids[i] as string;
      const entry = found[i];
      if (entry === undefined) leases.set(id, { op: 'lease', id, token, over: undefined });
      else if (typeof entry === 'object') leases.set(id, { op: 'lease', id, token, over: entry.epoch });
    }
    return [...leases.values()];
  }

  /** Reads what is missing from the database and fills those of which this call got the lease. */
  async #fetch(
    call: CallContext,
    ids: readonly string[],
    consistency: Consistency,
    leases: readonly Lease[],
    missing: readonly number[],
    records: FoundRecords,
    epoch: number,
  ): Promise<FoundRecords> {
    const wanted = missing.map((i) => ids[i] as string);
    const startedAt = performance.now();
    const granted = leases.length === 0 ? undefined : await this.#store.step(call.workspaceId, leases);
    if (leases.length > 0) call.observe(Stage.CACHE, 'cache_lease', startedAt);
    const leased = new Map(leases.filter((_, i) => granted?.[i]).map(({ id, token }) => [id, token]));

    // STRONG for a fill: the read must begin after the lease and must not be a replica's.
    const rows = await this.#inner.get(call, wanted, leased.size > 0 ? Consistency.STRONG : consistency);
    const fills: Step[] = [];
    rows.forEach((record, at) => {
      records[missing[at] as number] = record;
      const id = wanted[at] as string;
      const token = leased.get(id);
      if (record === undefined || token === undefined || valueBytes(record) > this.#store.maxValueBytes) return;
      leased.delete(id);
      fills.push({ op: 'fill', id, token, value: { epoch, record } });
    });
    if (fills.length > 0) this.#fill(call.workspaceId, fills);
    return records;
  }

  /** Nobody waits for it. Leases that bring nothing run out by themselves. */
  #fill(workspaceId: number, fills: readonly Step[]): void {
    void Promise.resolve(this.#store.step(workspaceId, fills)).then((filled) => {
      for (const done of filled ?? []) if (!done) this.#counters.refusedFills++;
    });
  }
}
