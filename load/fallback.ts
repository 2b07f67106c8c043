import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  ListMemoriesRequest,
  MemoryServiceClient,
  SaveMemoryRequest,
} from '../src/shared/gen/memoryhub/v1/memory_service.ts';
import type { ScenarioResult } from './ghz.ts';
import type { Target } from './server.ts';

const USERS = 50;

/** The guide's scenario without ghz: closed loops in this one process, which takes a core of its own. */
export async function runFallback(target: Target, seconds: number): Promise<ScenarioResult[]> {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${target.credential}`);
  const clients = Array.from(
    { length: 10 },
    () =>
      new MemoryServiceClient(target.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  const save = (client: MemoryServiceClient) =>
    new Promise<number>((resolve) => {
      const memory = {
        scope: 2 as const,
        team: `team-${Math.floor(Math.random() * 20)}`,
        content: `Deploys happen Tuesdays. ${randomUUID()}`,
      };
      const request = SaveMemoryRequest.fromPartial({ memory, requestId: randomUUID() });
      client.saveMemory(request, metadata, (error) => resolve(error?.code ?? status.OK));
    });
  const list = (client: MemoryServiceClient) =>
    new Promise<number>((resolve) => {
      const filter = `team = "team-${Math.floor(Math.random() * 20)}"`;
      const stream = client.listMemories(ListMemoriesRequest.fromPartial({ limit: 20, filter }), metadata);
      stream.on('data', () => {});
      stream.on('error', (error: ServiceError) => resolve(error.code));
      stream.on('end', () => resolve(status.OK));
    });
  const results = await Promise.all([loop('save', save, clients, seconds), loop('list', list, clients, seconds)]);
  for (const client of clients) client.close();
  return results;
}

async function loop(
  scenario: string,
  call: (client: MemoryServiceClient) => Promise<number>,
  clients: readonly MemoryServiceClient[],
  seconds: number,
): Promise<ScenarioResult> {
  const latencies: number[] = [];
  const errors: Record<string, number> = {};
  const end = performance.now() + seconds * 1000;
  const user = async (index: number) => {
    await sleep(Math.floor(index / 5) * 1000);
    const client = clients[index % clients.length];
    while (client && performance.now() < end) {
      const start = performance.now();
      const code = await call(client);
      latencies.push(performance.now() - start);
      if (code !== status.OK) errors[status[code] ?? code] = (errors[status[code] ?? code] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: USERS }, (_, index) => user(index)));
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    scenario,
    tool: 'fallback',
    calls: latencies.length,
    callsPerSecond: latencies.length / seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    slowest: latencies.at(-1) ?? 0,
    errors,
  };
}
