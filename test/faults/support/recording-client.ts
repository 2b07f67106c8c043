import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Consistency } from '../../../src/shared/gen/memoryhub/v1/memory.ts';
import { type RpcError, toRpcError } from '../../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../../src/shared/service-client.ts';
import { plainHub } from './cluster.ts';
import type { History, Outcome, Write } from './history.ts';

/** With these reasons nothing is known about a write; with none, the transport failed. */
const UNDECIDED = new Set(['', 'COMMIT_UNKNOWN', 'DEADLINE_EXCEEDED', 'CANCELLED', 'INTERNAL']);
const WRITE_SHARE = 0.5;
const BATCH_SHARE = 0.1;
const CREATE_SHARE = 0.1;
const STRONG_SHARE = 0.3;
/** Tries of one write, each at another server. */
const TRIES = 4;

export interface RecordingOptions {
  readonly addresses: readonly string[];
  /** Credentials by workspace name. */
  readonly credentials: ReadonlyMap<string, string>;
  /** Memories that all clients write and read, in every workspace. */
  readonly ids: readonly string[];
  readonly clients: number;
  readonly deadlineMs?: number;
}

/**
 * Clients that save and read the same few memories through all servers, and write down what they
 * were told. Every value is unique, so that it can be told whose write a read has seen.
 */
export class RecordingClients {
  readonly history: History = { writes: [], reads: [], failures: [] };
  readonly #options: RecordingOptions;
  readonly #running: Promise<void>[] = [];
  #stopped = false;
  #values = 0;

  constructor(options: RecordingOptions) {
    this.#options = options;
  }

  get credentials(): ReadonlyMap<string, string> {
    return this.#options.credentials;
  }

  get workspaces(): readonly string[] {
    return [...this.credentials.keys()];
  }

  /** Begins; each client goes on as fast as it is answered, almost. */
  start(): void {
    const { workspaces } = this;
    for (let client = 0; client < this.#options.clients; client++) {
      this.#running.push(this.#run(workspaces[client % workspaces.length] as string));
    }
  }

  /** Waits until so many writes more were acknowledged. */
  async acknowledged(more: number, timeoutMs = 30_000): Promise<void> {
    const count = () => this.history.writes.filter(({ outcome }) => outcome === 'ok').length;
    const until = count() + more;
    const deadline = performance.now() + timeoutMs;
    while (count() < until) {
      if (performance.now() > deadline) throw new Error(`only ${count()} of ${until} writes went through`);
      await sleep(10);
    }
  }

  /** Lets everything end that was begun. */
  async stop(): Promise<History> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return this.history;
  }

  async #run(workspace: string): Promise<void> {
    const { addresses, credentials } = this.#options;
    const hubs = addresses.map((address) => plainHub(address, credentials.get(workspace)));
    while (!this.#stopped) {
      if (Math.random() < WRITE_SHARE) await this.#write(workspace, hubs);
      else await this.#read(workspace, any(hubs));
      await sleep(1);
    }
    for (const hub of hubs) hub.close();
  }

  async #write(workspace: string, hubs: readonly MemoryHub[]): Promise<void> {
    const { ids: shared, deadlineMs = 3_000 } = this.#options;
    const draw = Math.random();
    const ids =
      draw < BATCH_SHARE
        ? [...new Set([any(shared), any(shared), any(shared)]), randomUUID(), randomUUID()]
        : [draw < BATCH_SHARE + CREATE_SHARE ? randomUUID() : any(shared)];
    const values = ids.map(() => `${workspace} value ${this.#values++}`);
    const requestId = randomUUID();
    const memories = ids.map((id, index) => ({ id, content: values[index] ?? '' }));
    const begun = performance.now();
    const done = (outcome: Outcome, changes: bigint[] = []) => {
      const write: Write = { workspace, requestId, ids, values, outcome, changes, begun, ended: performance.now() };
      this.history.writes.push(write);
    };
    let outcome: Outcome = 'failed';
    for (let attempt = Math.floor(Math.random() * hubs.length), left = TRIES; left > 0; attempt++, left--) {
      const hub = hubs[attempt % hubs.length] as MemoryHub;
      try {
        const saved =
          memories.length === 1
            ? [await hub.memories.saveMemory({ memory: memories[0], requestId }, { deadlineMs })]
            : (await hub.memories.batchSaveMemories({ memories, requestId }, { deadlineMs })).memories;
        return done(
          'ok',
          saved.map(({ etag }) => BigInt(etag)),
        );
      } catch (error) {
        if (UNDECIDED.has(this.#failed(memories.length === 1 ? 'SaveMemory' : 'BatchSaveMemories', error).reason)) {
          outcome = 'unknown';
        }
        if (this.#stopped) break;
        await sleep(20 + Math.random() * 80);
      }
    }
    done(outcome);
  }

  async #read(workspace: string, hub: MemoryHub): Promise<void> {
    const { ids, deadlineMs = 3_000 } = this.#options;
    const id = any(ids);
    const strong = Math.random() < STRONG_SHARE;
    const consistency = strong ? Consistency.STRONG : Consistency.READ_YOUR_WRITES;
    const begun = performance.now();
    const seen = (change: bigint, value: string) =>
      this.history.reads.push({ workspace, id, strong, change, value, begun, ended: performance.now() });
    try {
      const { etag, content } = await hub.memories.getMemory(
        { target: { $case: 'id', value: id }, consistency },
        { deadlineMs },
      );
      seen(BigInt(etag), content);
    } catch (error) {
      if (toRpcError(error).reason === 'MEMORY_NOT_FOUND') seen(0n, '');
      else {
        this.#failed('GetMemory', error);
        await sleep(20 + Math.random() * 80);
      }
    }
  }

  #failed(call: string, thrown: unknown): RpcError {
    const error = toRpcError(thrown);
    this.history.failures.push({ call, error, at: performance.now() });
    return error;
  }
}

function any<T>(items: readonly T[]): T {
  return items[Math.floor(Math.random() * items.length)] as T;
}
