import { setTimeout as sleep } from 'node:timers/promises';
import { toRpcError } from '../src/shared/rpc-error.ts';
import { MemoryHub } from '../src/shared/service-client.ts';
import { runGhz } from './ghz.ts';

export interface RollingRestart {
  readonly ghz: string;
  readonly metadata: readonly string[];
  /** Of what stands in front of the servers. */
  readonly address: string;
  readonly credential: string;
  /** Ends one server and resolves once it takes calls again. */
  restart(index: number): Promise<void>;
}

/** Calls of one kind while servers were restarted. */
export interface RestartedCalls {
  readonly calls: number;
  /** Milliseconds; of the slowest. */
  readonly slowest: number;
  /** By status. */
  readonly errors: Readonly<Record<string, number>>;
}

export interface RestartReport {
  readonly restarts: number;
  readonly seconds: number;
  readonly byCaller: Readonly<Record<string, RestartedCalls>>;
}

const ROUNDS = 2;
const BETWEEN_MS = 1_000;
const CALLERS = 8;
/** Of ghz, which dials anew after that. */
const STRETCH = ['--duration', '4s', '--concurrency', '8', '--connections', '4'];

/**
 * Restarts both servers in turn, twice, while idempotent calls are made: reads and saves with a request_id by our own
 * client, which repeats what is UNAVAILABLE, and by plain ghz, for which nobody repeats anything but nginx.
 */
export async function rollingRestart(options: RollingRestart): Promise<RestartReport> {
  let over = false;
  const isOver = () => over;
  const begun = performance.now();
  const callers = Promise.all([
    ourClient(options, isOver),
    byGhz('get', options, isOver),
    byGhz('save', options, isOver),
  ]);
  for (let restarts = 0; restarts < 2 * ROUNDS; restarts++) {
    await sleep(BETWEEN_MS);
    await options.restart(restarts % 2);
  }
  await sleep(BETWEEN_MS);
  over = true;
  const [ours, gets, saves] = await callers;
  const seconds = (performance.now() - begun) / 1000;
  return {
    restarts: 2 * ROUNDS,
    seconds,
    byCaller: { 'our client, save and get': ours, 'ghz, get': gets, 'ghz, save': saves },
  };
}

async function byGhz(
  scenario: string,
  { ghz, address, metadata }: RollingRestart,
  isOver: () => boolean,
): Promise<RestartedCalls> {
  let [calls, slowest] = [0, 0];
  const errors: Record<string, number> = {};
  while (!isOver()) {
    const result = await runGhz(ghz, scenario, address, [...metadata, ...STRETCH]);
    calls += result.calls;
    slowest = Math.max(slowest, result.slowest);
    for (const [status, count] of Object.entries(result.errors)) errors[status] = (errors[status] ?? 0) + count;
  }
  return { calls, slowest, errors };
}

async function ourClient({ address, credential }: RollingRestart, isOver: () => boolean): Promise<RestartedCalls> {
  let [calls, slowest] = [0, 0];
  const errors: Record<string, number> = {};
  const one = async (call: Promise<unknown>) => {
    const begun = performance.now();
    await call.catch((error: unknown) => {
      const { codeName } = toRpcError(error);
      errors[codeName] = (errors[codeName] ?? 0) + 1;
    });
    calls++;
    slowest = Math.max(slowest, performance.now() - begun);
  };
  const caller = async (number: number) => {
    const hub = new MemoryHub({ address, credential, channel: { 'grpc.use_local_subchannel_pool': 1 } });
    const key = `restarted/${number}`;
    for (let count = 0; !isOver(); count++) {
      // It gives each a request_id by itself.
      await one(hub.memories.saveMemory({ memory: { key, content: `save ${count}` } }));
      await one(hub.memories.getMemory({ target: { $case: 'key', value: { key } } }));
    }
    hub.close();
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)));
  return { calls, slowest, errors };
}
