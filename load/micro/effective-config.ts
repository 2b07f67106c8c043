/**
 * What GetConfig takes, whole, as a client sees it: everything in force for a user where the workspace
 * has 200 settings and the user ten, over gRPC from a server of its own. The goal is 10 ms.
 *
 *   node load/micro/effective-config.ts [--calls 500]
 *
 * Cold: each call is for a user not asked for before, so it reads PostgreSQL. Cached: for the same one.
 * One call at a time. The processor time is the server's, without PostgreSQL's.
 */
import { parseArgs } from 'node:util';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { quantile } from '../alternate.ts';
import { cpuSeconds } from '../process.ts';
import { startServer } from '../server.ts';

const WORKSPACE_SETTINGS = 200;
const USER_SETTINGS = 10;
const WARM_UP = 100;

interface Timed {
  readonly times: readonly number[];
  readonly cpuMs: number;
}

const { values: flags } = parseArgs({ options: { calls: { type: 'string', default: '500' } } });
const calls = Number(flags.calls);
const users = calls + WARM_UP;

const target = await startServer();
const { config, close } = connect();
try {
  for (let from = 0; from < WORKSPACE_SETTINGS; from += 100) await config.importConfig({ settings: some(100, from) });
  for (let n = 0; n < users; n++) {
    await config.importConfig({
      settings: some(USER_SETTINGS, 0).map((setting) => ({ ...setting, userId: userOf(n) })),
    });
  }
  await timed(WARM_UP, userOf);
  show('cold', await timed(calls, (n) => userOf(WARM_UP + n)));
  show('cached', await timed(calls, () => userOf(0)));
} finally {
  close();
  await target.stop();
}

function connect() {
  const hub = new MemoryHub({ address: target.address, credential: target.credential });
  return { config: hub.config, close: () => hub.close() };
}

function some(count: number, from: number) {
  return Array.from({ length: count }, (_, n) => ({
    name: `service.setting${from + n}`,
    value: { limit: from + n, labels: ['a', 'b'], note: 'as agreed' },
  }));
}

function userOf(n: number): string {
  return `user${n}`;
}

/** Milliseconds of each call, and those of the server's processor for one. */
async function timed(count: number, user: (n: number) => string): Promise<Timed> {
  const times: number[] = [];
  const usedBefore = cpuSeconds(target.pid);
  for (let n = 0; n < count; n++) {
    const startedAt = performance.now();
    const { settings } = await config.getConfig({ userId: user(n) });
    times.push(performance.now() - startedAt);
    if (settings.length < WORKSPACE_SETTINGS) throw new Error(`only ${settings.length} settings`);
  }
  return { times, cpuMs: ((cpuSeconds(target.pid) - usedBefore) * 1000) / count };
}

function show(title: string, { times, cpuMs }: Timed): void {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(times, q).toFixed(2));
  console.log(
    `${title}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms; ${cpuMs.toFixed(2)} ms of the server's processor`,
  );
}
