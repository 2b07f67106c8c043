import type { CallContext } from '../../../src/server/domain/call-context.ts';
import { type Consistency, type Memory, MemoryRecord } from '../../../src/server/domain/memory.ts';
import type { MemoryRepository, WriteOutcome, WriteRequest } from '../../../src/server/domain/repository.ts';
import { memoryOf, textCodec } from './sample.ts';
import type { Schedule } from './schedule.ts';

/** Rows, heads and cache epochs that several scripted repositories share. */
export class ScriptedDatabase {
  readonly rows = new Map<string, Memory>();
  readonly epochs = new Map<number, number>();
  head = 0;

  put(workspaceId: number, memory: Memory): void {
    this.rows.set(`${workspaceId}/${memory.id}`, memory);
  }

  bump(workspaceId: number): void {
    this.epochs.set(workspaceId, (this.epochs.get(workspaceId) ?? 0) + 1);
  }
}

/**
 * One process' view of the database, for schedules: reads and commits are instants at which a test
 * can stop it. The real repository has no such places; what it means is the contract suite's matter.
 * Points: read:before, read:after, commit:before, commit:after.
 */
export class ScriptedRepository implements Pick<MemoryRepository, 'get' | 'write'> {
  /** The consistency of every get, and how many ids. */
  readonly gets: { readonly ids: readonly string[]; readonly consistency: Consistency }[] = [];
  readonly writes: WriteRequest[] = [];
  /** The outcome of the next write, decided instead of writing. */
  nextOutcome: WriteOutcome | undefined;
  readonly #database: ScriptedDatabase;
  readonly #schedule: Schedule;

  constructor(database: ScriptedDatabase, schedule: Schedule) {
    this.#database = database;
    this.#schedule = schedule;
  }

  async get(call: CallContext, ids: readonly string[], consistency: Consistency) {
    this.gets.push({ ids, consistency });
    await this.#schedule.pass('read:before');
    const rows = ids.map((id) => this.#database.rows.get(`${call.workspaceId}/${id}`));
    await this.#schedule.pass('read:after');
    return rows.map((memory) => memory && new MemoryRecord(memory, textCodec, memory, undefined));
  }

  async write(_call: CallContext, request: WriteRequest): Promise<WriteOutcome> {
    this.writes.push(request);
    await this.#schedule.pass('commit:before');
    if (this.nextOutcome !== undefined) {
      const outcome = this.nextOutcome;
      this.nextOutcome = undefined;
      return outcome;
    }
    if (request.bumpCacheEpoch) this.#database.bump(request.workspaceId);
    const records = request.changes.map((change) => {
      if (change.kind !== 'save') throw new Error('the script knows saves only');
      const memory = memoryOf(change.id, change.fields.content, {
        ...change.owner,
        changeNo: ++this.#database.head,
      });
      if (!request.validateOnly) this.#database.put(request.workspaceId, memory);
      return new MemoryRecord(memory, textCodec, memory, undefined);
    });
    await this.#schedule.pass('commit:after');
    return { kind: 'done', replayed: false, records, head: this.#database.head };
  }
}
