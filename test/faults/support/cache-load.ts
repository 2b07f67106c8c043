import { Consistency } from '../../../src/server/domain/memory.ts';
import type { MemoryRepository } from '../../../src/server/domain/repository.ts';
import { Hub, save } from '../../contract/fixtures.ts';

/** Acknowledged writes of one memory: which change, when it was answered, and by which process. */
interface Acknowledged {
  readonly changeNo: number;
  readonly at: number;
  readonly process: number;
}

export interface LoadReport {
  readonly reads: number;
  readonly writes: number;
  /** Reads that missed a write that had been answered before they began, and by how long, in milliseconds. */
  readonly staleMs: readonly number[];
  /** Those of them where the write was answered by the very process that was read. */
  readonly ownStale: number;
}

/**
 * Writers and readers on a few memories, spread over the processes. Whatever a read gives is held
 * against what had been acknowledged when it began: change numbers are the order of commits, so a
 * lower one is a stale one.
 */
export class CacheLoad {
  readonly #hubs: Hub[];
  readonly #ids: readonly string[];
  readonly #acknowledged = new Map<string, Acknowledged[]>();
  readonly #staleMs: number[] = [];
  #reads = 0;
  #writes = 0;
  #ownStale = 0;
  #running = true;

  constructor(processes: readonly MemoryRepository[], workspaceId: number, ids: readonly string[]) {
    this.#hubs = processes.map((process) => new Hub(process, workspaceId));
    this.#ids = ids;
    for (const id of ids) this.#acknowledged.set(id, []);
  }

  /** Runs until stop(); each worker goes on as fast as it is answered. */
  async run(workersPerProcess: number, writeShare: number): Promise<LoadReport> {
    await Promise.all(this.#ids.map((id) => this.#write(0, id)));
    await Promise.all(
      this.#hubs.flatMap((_, process) =>
        Array.from({ length: workersPerProcess }, () => this.#work(process, writeShare)),
      ),
    );
    return { reads: this.#reads, writes: this.#writes, staleMs: this.#staleMs, ownStale: this.#ownStale };
  }

  stop(): void {
    this.#running = false;
  }

  async #work(process: number, writeShare: number): Promise<void> {
    while (this.#running) {
      const id = this.#ids[Math.floor(Math.random() * this.#ids.length)] as string;
      if (Math.random() < writeShare) await this.#write(process, id);
      else await this.#read(process, id);
    }
  }

  async #write(process: number, id: string): Promise<void> {
    const memory = await this.#hub(process).done(save({ id, content: `by ${process}` }));
    this.#writes++;
    this.#acknowledged.get(id)?.push({ changeNo: memory.changeNo, at: performance.now(), process });
  }

  async #read(process: number, id: string): Promise<void> {
    const { repository, call } = this.#hub(process);
    const begun = performance.now();
    const acknowledged = this.#acknowledged.get(id) ?? [];
    const known = acknowledged.length;
    const [record] = await repository.get(call, [id], Consistency.READ_YOUR_WRITES);
    this.#reads++;
    const seen = record?.changeNo ?? 0;
    const missed = acknowledged.slice(0, known).filter(({ changeNo }) => changeNo > seen);
    const first = missed[0];
    if (first === undefined) return;
    this.#staleMs.push(begun - first.at);
    if (missed.some((write) => write.process === process)) this.#ownStale++;
  }

  #hub(process: number): Hub {
    return this.#hubs[process] as Hub;
  }
}
