import type { Client } from 'pg';
import type { ConnectionPool } from '../database/connection-pool.ts';
import type { TakeRow } from '../database/row-tap.ts';
import type { Access } from '../domain/access.ts';
import { type CallContext, Stage, type StatementObserver } from '../domain/call-context.ts';
import { ServiceError } from '../domain/errors.ts';
import { Consistency, type MemoryCodec, type MemoryRecord, type Revision } from '../domain/memory.ts';
import type { RowCodec } from '../domain/memory-row.ts';
import type {
  ExportPage,
  ExportQuery,
  ExportSnapshot,
  HistoryPage,
  ListPage,
  ListQuery,
  MemoryRepository,
  RevisionQuery,
  StorageDescription,
  StorageInfo,
  WriteOutcome,
  WriteRequest,
} from '../domain/repository.ts';
import type { SealedValues } from '../domain/sealing/sealed-values.ts';
import type { WrittenRows } from '../domain/written-rows.ts';
import { GroupCommit } from './group-commit.ts';
import type { CommitGauges } from './group-commit-lane.ts';
import { checkKept, historyPageOf, storageInfoOf } from './memory-lists.ts';
import { CoalescedReads } from './memory-reads.ts';
import { replayed } from './memory-replay.ts';
import { microsOf, revisionOf, text } from './memory-rows.ts';
import { StatementRunner } from './memory-statements.ts';
import { TableStatistics } from './memory-statistics.ts';
import { PageRows } from './page-rows.ts';
import { plainArray } from './statements/array-literal.ts';
import { BEGIN_EXPORT, exportPage } from './statements/export-page.ts';
import { DELETED_KEPT, HISTORY_KEPT } from './statements/history-kept.ts';
import { listPage } from './statements/list-page.ts';
import { GET_REVISION, LIST_REVISIONS, REVISIONS_BY_CHANGE, SEALED_BY_CHANGE } from './statements/revisions.ts';
import { SERVER_VERSION } from './statements/server-version.ts';
import { storageInfo } from './statements/storage-info.ts';

export interface MemoryRepositoryParts {
  /** Of the primary. */
  readonly pool: ConnectionPool;
  /** Of a replica, for EVENTUAL reads; the same as `pool` when there is none. */
  readonly readPool: ConnectionPool;
  /** A connection of the primary outside the pools; two stay open. */
  readonly openWriteConnection: () => Promise<Client>;
  readonly codec: RowCodec;
  readonly observer: StatementObserver;
}

export interface MemoryRepositoryOptions {
  /** Changes and bytes of one batch of the group commit. */
  readonly maxBatchRows?: number;
  readonly maxBatchBytes?: number;
  /** Bytes that may wait for it before callers are turned away. */
  readonly maxWaitingBytes?: number;
  /** Longest wait for a batch to commit. */
  readonly batchTimeoutMs?: number;
  /** Statements of coalesced point reads on their way at once, per pool. */
  readonly maxReadsInFlight?: number;
  /** Longest wait for one of them, before it is sent once more. */
  readonly readTimeoutMs?: number;
  /** Rows one page of a list looks at when its filter has no index. */
  readonly scanBudget?: number;
}

/** Rows a list page looks at unless configured: some 20 ms of work. */
export const SCAN_BUDGET = 10_000;
/** Ids of one point read statement. */
const MAX_READ_IDS = 256;

/** Memories in PostgreSQL. */
export class PostgresMemoryRepository implements MemoryRepository {
  readonly #codec: MemoryCodec;
  readonly #primary: StatementRunner;
  readonly #replica: StatementRunner;
  readonly #primaryReads: CoalescedReads;
  readonly #replicaReads: CoalescedReads;
  readonly #commits: GroupCommit;
  readonly #statistics: TableStatistics;
  readonly #scanBudget: number;

  constructor(parts: MemoryRepositoryParts, options: MemoryRepositoryOptions = {}) {
    const { codec, observer } = parts;
    this.#codec = codec;
    this.#primary = new StatementRunner(parts.pool, observer);
    this.#replica = parts.readPool === parts.pool ? this.#primary : new StatementRunner(parts.readPool, observer);
    const reads = {
      codec,
      maxIds: MAX_READ_IDS,
      maxInFlight: options.maxReadsInFlight ?? 4,
      timeoutMs: options.readTimeoutMs ?? 2000,
    };
    this.#primaryReads = new CoalescedReads(this.#primary, reads);
    this.#replicaReads =
      this.#replica === this.#primary ? this.#primaryReads : new CoalescedReads(this.#replica, reads);
    this.#commits = new GroupCommit({
      open: parts.openWriteConnection,
      codec,
      observer,
      maxRows: options.maxBatchRows ?? 256,
      maxBytes: options.maxBatchBytes ?? 1024 * 1024,
      maxWaitingBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
      batchTimeoutMs: options.batchTimeoutMs ?? 10_000,
    });
    this.#statistics = new TableStatistics(this.#primary);
    this.#scanBudget = options.scanBudget ?? SCAN_BUDGET;
  }

  get(call: CallContext, ids: readonly string[], consistency: Consistency): Promise<(MemoryRecord | undefined)[]> {
    const reads = consistency === Consistency.EVENTUAL ? this.#replicaReads : this.#primaryReads;
    return reads.read(call, ids);
  }

  async write(call: CallContext, request: WriteRequest): Promise<WriteOutcome> {
    const startedAt = performance.now();
    try {
      const outcome = await this.#commits.write(call, request);
      if (outcome.kind === 'done') this.#statistics.written(outcome.records.length);
      if (outcome.kind !== 'replay') return outcome;
      const rows = await this.#primary.runFor(call, REVISIONS_BY_CHANGE, [
        String(request.workspaceId),
        String(outcome.firstChange),
        String(outcome.firstChange + outcome.changes),
      ]);
      return replayed(request, outcome, rows.map(revisionOf), this.#codec);
    } finally {
      call.observe(Stage.DATABASE, 'write', startedAt);
    }
  }

  async list(call: CallContext, query: ListQuery, into: WrittenRows): Promise<ListPage> {
    const { statement, values } = listPage(query, this.#scanBudget);
    const runner = query.consistency === Consistency.EVENTUAL ? this.#replica : this.#primary;
    const page = new PageRows(into, query.pageSize, query.pageBytes);
    // One more than the page, to know whether there is a next one.
    await runner.readFor(call, statement, values, query.pageSize + 1, (bytes, start) => page.take(bytes, start));
    const { rows, next } = page;
    if (next === undefined) return { rows, next };
    return { rows, next: { id: next.id, at: query.order.by === 'create_time' ? next.createTime : next.changeNo } };
  }

  async beginExport(call: CallContext, workspaceId: number): Promise<ExportSnapshot & { rowEstimate: number }> {
    const [row] = await this.#primary.runFor(call, BEGIN_EXPORT, [String(workspaceId)]);
    if (row === undefined) throw new ServiceError('WORKSPACE_NOT_FOUND', 'there is no such workspace');
    return { revision: Number(row[0]), time: microsOf(text(row[1])), rowEstimate: Number(row[2]) };
  }

  async exportPage(call: CallContext, query: ExportQuery, into: WrittenRows): Promise<ExportPage> {
    const { statement, values } = exportPage(query, this.#scanBudget);
    const page = new PageRows(into, query.pageSize, query.pageBytes);
    const take: TakeRow = (bytes, start) => page.take(bytes, start);
    const found = await this.#primary.readFor(call, statement, values, query.pageSize + 1, take);
    if (found === 0) {
      const kept = query.showDeleted ? DELETED_KEPT : HISTORY_KEPT;
      const state = [query.workspaceId, query.revision, query.time].map(String);
      const [row] = await this.#primary.runFor(call, kept, state);
      checkKept(row?.[0]);
    }
    return { rows: page.rows, nextId: page.next?.id };
  }

  async revisions(call: CallContext, query: RevisionQuery): Promise<HistoryPage> {
    const { workspaceId, memoryId, before = Number.MAX_SAFE_INTEGER, pageSize, pageBytes } = query;
    const values = [String(workspaceId), memoryId, String(before), String(pageSize + 1), String(pageBytes)];
    return historyPageOf(query, await this.#primary.runFor(call, LIST_REVISIONS, values));
  }

  async revision(
    call: CallContext,
    workspaceId: number,
    memoryId: string,
    revision: number,
  ): Promise<Revision | undefined> {
    const values = [String(workspaceId), memoryId, String(revision)];
    return (await this.#primary.runFor(call, GET_REVISION, values)).map(revisionOf)[0];
  }

  async sealedValues(
    call: CallContext,
    workspaceId: number,
    changeNos: readonly number[],
  ): Promise<ReadonlyMap<number, SealedValues>> {
    const values = [String(workspaceId), plainArray(changeNos.map(String))];
    const rows = await this.#primary.runFor(call, SEALED_BY_CHANGE, values);
    return new Map(rows.map(([changeNo, sealed]) => [Number(changeNo), JSON.parse(text(sealed)) as SealedValues]));
  }

  async storageInfo(call: CallContext, workspaceId: number, access: Access): Promise<StorageInfo> {
    const { statement, values } = storageInfo(workspaceId, access);
    return storageInfoOf(await this.#primary.runFor(call, statement, values));
  }

  async describe(call: CallContext): Promise<StorageDescription> {
    const [row] = await this.#primary.runFor(call, SERVER_VERSION, []);
    return {
      name: 'postgres',
      engine: 'PostgreSQL',
      version: text(row?.[0]),
      capabilities: ['history', 'restore', 'atomic-batches', 'idempotent-writes', 'export-at-revision', 'filters'],
    };
  }

  /** What the group commit did and has before it. */
  get commitGauges(): CommitGauges {
    return this.#commits.gauges;
  }

  /** Takes no more writes, and resolves when all that were taken have been committed. The pools stay open. */
  async close(): Promise<void> {
    await this.#commits.close();
    await this.#statistics.close();
  }
}
