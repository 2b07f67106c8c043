import { credentials, type GrpcObject, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { afterEach, describe, expect, it } from 'vitest';
import { start, until } from './harness.ts';

/** As a load balancer sees it: another library's stubs, no key. */
interface HealthClient {
  check(
    request: { service: string },
    done: (error: { code: number; details: string } | null, answer: { status: string }) => void,
  ): void;
  list(request: object, done: (error: unknown, answer: { statuses: Record<string, { status: string }> }) => void): void;
  watch(request: { service: string }): NodeJS.ReadableStream & { cancel(): void };
  close(): void;
}

const clients: HealthClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function connect(port: number): HealthClient {
  const definition = loadPackageDefinition(loadSync(protoPath, { enums: String, defaults: true, keepCase: true }));
  const { Health } = ((definition.grpc as GrpcObject).health as GrpcObject).v1 as unknown as {
    Health: new (address: string, creds: unknown) => HealthClient;
  };
  const client = new Health(`127.0.0.1:${port}`, credentials.createInsecure());
  clients.push(client);
  return client;
}

function check(client: HealthClient, service: string): Promise<string> {
  return new Promise((resolve) => {
    client.check({ service }, (error, answer) => resolve(error ? `${error.code} ${error.details}` : answer.status));
  });
}

describe('health', () => {
  it('is asked without a key, for the server and for each service', async () => {
    const { server, port } = await start([]);
    const client = connect(port);
    expect(await check(client, '')).toBe('NOT_SERVING');
    server.health.setServing('', true);
    server.health.setServing('memoryhub.v1.MemoryService', true);
    server.health.setServing('memoryhub.v1.StatsService', false);
    expect(await check(client, '')).toBe('SERVING');
    expect(await check(client, 'memoryhub.v1.MemoryService')).toBe('SERVING');
    expect(await check(client, 'memoryhub.v1.StatsService')).toBe('NOT_SERVING');
    const listed = await new Promise((resolve) => client.list({}, (_error, answer) => resolve(answer.statuses)));
    expect(listed).toEqual({
      '': { status: 'SERVING' },
      'memoryhub.v1.MemoryService': { status: 'SERVING' },
      'memoryhub.v1.StatsService': { status: 'NOT_SERVING' },
    });
  });

  it('of a service nobody knows is NOT_FOUND, without repeating its name', async () => {
    const { port } = await start([]);
    expect(await check(connect(port), 'made\u0000 up')).toBe('5 there is no such service');
  });

  it('is watched: now, every change once, and the end', async () => {
    const { server, port } = await start([]);
    const seen: string[] = [];
    let ended: { code?: number } | undefined;
    const watch = connect(port).watch({ service: 'memoryhub.v1.MemoryService' });
    watch.on('data', (message: { status: string }) => seen.push(message.status));
    watch.on('error', (error) => {
      ended = error as { code?: number };
    });
    await until(() => seen.length === 1, 'the first status');
    expect(seen).toEqual(['SERVICE_UNKNOWN']);
    server.health.setServing('memoryhub.v1.MemoryService', true);
    await until(() => seen.length === 2, 'the second status');
    server.health.setServing('memoryhub.v1.MemoryService', true);
    server.health.setServing('', true);
    server.health.setServing('memoryhub.v1.MemoryService', false);
    await until(() => seen.length === 3, 'the third status');
    server.health.setServing('memoryhub.v1.MemoryService', true);
    await until(() => seen.length === 4, 'the fourth status');
    await server.drain(5_000);
    await until(() => ended !== undefined, 'the end');
    expect(seen).toEqual(['SERVICE_UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING']);
    expect(ended?.code).toBe(14);
  });

  it('forgets watchers that leave', async () => {
    const { server, port } = await start([]);
    const watch = connect(port).watch({ service: '' });
    watch.on('error', () => {});
    const first = new Promise((resolve) => watch.once('data', resolve));
    await until(() => server.openStreams === 1, 'it is open');
    await first;
    watch.cancel();
    await until(() => server.openStreams === 0, 'it is closed');
  });
});
