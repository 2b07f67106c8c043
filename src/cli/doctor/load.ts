import { LatencyHistogram } from '../../shared/histogram.ts';
import { RpcError } from '../../shared/rpc-error.ts';
import type { MemoryHub } from '../../shared/service-client.ts';
import { byId } from './by-id.ts';

/** What callers saw of a load. */
export interface LoadResult {
  /** Of the calls that were answered, in microseconds. */
  readonly api: LatencyHistogram;
  readonly batches: LatencyHistogram;
  readonly seconds: number;
  /** How calls failed, by code and reason. */
  readonly failures: ReadonlyMap<string, number>;
}

export interface LoadOptions {
  /** Connections; calls go round them. */
  readonly hubs: readonly MemoryHub[];
  readonly seconds: number;
  /** Calls under way at a time. */
  readonly concurrency: number;
  /** Batches of 100, made one after another beside the rest. */
  readonly batches: number;
  readonly signal: AbortSignal;
}

/** Texts of some ten lines, as agents write them. */
const CONTENT = 'The deploy of the billing service waits for the nightly export, which ends at four. '.repeat(5);
const SEEDED = 100;
/** Its value under a sensitive name is sealed. */
const SEALED = { content: CONTENT, metadata: { api_key: 'of nobody' } };

/** A short load in the manner of ghz: closed loops that read (7 of 10), list (1) and save (2), and batches beside them. */
export async function runLoad({ hubs, seconds, concurrency, batches, signal }: LoadOptions): Promise<LoadResult> {
  const api = new LatencyHistogram();
  const batchTimes = new LatencyHistogram();
  const failures = new Map<string, number>();
  const timed = async (histogram: LatencyHistogram, call: () => Promise<unknown>) => {
    const before = performance.now();
    try {
      await call();
      histogram.record((performance.now() - before) * 1000);
    } catch (error) {
      const what = error instanceof RpcError ? `${error.codeName} ${error.reason}`.trim() : String(error);
      failures.set(what, (failures.get(what) ?? 0) + 1);
    }
  };
  const hubOf = (n: number) => hubs[n % hubs.length] as MemoryHub;
  const batchOf = (hub: MemoryHub, size: number) =>
    hub.memories.batchSaveMemories({ memories: Array.from({ length: size }, () => ({ content: CONTENT })) });

  const ids = (await batchOf(hubOf(0), SEEDED)).memories.map(({ id }) => id);
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let calls = 0;
  const loop = async () => {
    while (performance.now() < end && !signal.aborted) {
      const n = calls++;
      const { memories } = hubOf(n);
      if (n % 10 < 7) await timed(api, () => memories.getMemory(byId(ids[n % ids.length] as string)));
      else if (n % 10 === 7) await timed(api, () => drain(memories.listMemories({ limit: 20 })));
      else await timed(api, () => memories.saveMemory({ memory: n % 10 === 8 ? SEALED : { content: CONTENT } }));
    }
  };
  const batchLoop = async () => {
    for (let n = 0; n < batches && !signal.aborted; n++) await timed(batchTimes, () => batchOf(hubOf(n), 100));
  };
  await Promise.all([...Array.from({ length: concurrency }, loop), batchLoop()]);
  return { api, batches: batchTimes, seconds: (performance.now() - begin) / 1000, failures };
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
