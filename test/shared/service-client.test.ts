import { readFileSync } from 'node:fs';
import { createFileRegistry, type DescService, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { AdminServiceService } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { GetStatsResponse, StatsServiceService } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { RETRIED_METHODS } from '../../src/shared/retries.ts';
import type { RpcError } from '../../src/shared/rpc-error.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';

/** Any server that answers; what is held here is the client's doing. */
async function serve(port = 0): Promise<{ server: Server; port: number }> {
  const server = new Server();
  server.addService(StatsServiceService, {
    getStats: (_call: unknown, respond: (error: null, answer: GetStatsResponse) => void) =>
      respond(null, GetStatsResponse.fromPartial({})),
    watchStats: () => {},
  });
  return new Promise((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve({ server, port: bound });
    });
  });
}

const LEVELS_REPEATABLE = [MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS, MethodOptions_IdempotencyLevel.IDEMPOTENT];

it('our client repeats those calls that the contract says can be repeated, and no others', () => {
  const set = readFileSync(new URL('../../proto/memoryhub.binpb', import.meta.url));
  const services = [...createFileRegistry(fromBinary(FileDescriptorSetSchema, set))].filter(
    (type) => type.kind === 'service' && type.typeName.startsWith('memoryhub.'),
  ) as DescService[];
  const repeatable = services.flatMap(({ typeName, methods }) =>
    methods
      .filter(({ idempotency, input }) => LEVELS_REPEATABLE.includes(idempotency) || input.field.requestId)
      .map(({ name }) => `/${typeName}/${name}`),
  );
  expect(repeatable.length).toBeGreaterThan(15);
  expect(RETRIED_METHODS.toSorted()).toEqual(repeatable.toSorted());
});

describe('our client', () => {
  const ends: (() => void)[] = [];
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  function hubOf(port: number, channel = {}): MemoryHub {
    const hub = new MemoryHub({
      address: `127.0.0.1:${port}`,
      channel: { 'grpc.use_local_subchannel_pool': 1, ...channel },
    });
    ends.push(() => hub.close());
    return hub;
  }

  it('waits for a server that has answered before, longer than its tries alone would last', async () => {
    const first = await serve();
    const hub = hubOf(first.port);
    await hub.stats.getStats({});
    first.server.forceShutdown();
    const calls = [hub.stats.getStats({}), hub.stats.getStats({})];
    // Five tries end within 1.5 s.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const second = await serve(first.port);
    ends.push(() => second.server.forceShutdown());
    await expect(Promise.all(calls)).resolves.toHaveLength(2);
  });

  it('asks again after UNAVAILABLE where that is safe, and makes no second key', async () => {
    const asked: string[] = [];
    const unavailable = (name: string) => (_call: unknown, respond: (error: object) => void) => {
      asked.push(name);
      respond({ code: status.UNAVAILABLE, details: 'away' });
    };
    const server = new Server();
    server.addService(
      { createApiKey: AdminServiceService.createApiKey, revokeApiKey: AdminServiceService.revokeApiKey },
      { createApiKey: unavailable('create'), revokeApiKey: unavailable('revoke') },
    );
    const port = await new Promise<number>((resolve) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, bound) => resolve(bound));
    });
    ends.push(() => server.forceShutdown());
    const { admin } = hubOf(port);
    await expect(admin.createApiKey({})).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
    await expect(admin.revokeApiKey({})).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
    expect(asked).toEqual(['create', 'revoke', 'revoke', 'revoke', 'revoke', 'revoke']);
  });

  it('waits no longer than the deadline of the call', async () => {
    const first = await serve();
    const hub = hubOf(first.port);
    await hub.stats.getStats({});
    first.server.forceShutdown();
    const error = (await hub.stats.getStats({}, { deadlineMs: 300 }).catch((thrown) => thrown)) as RpcError;
    expect(error.codeName).toBe('DEADLINE_EXCEEDED');
  });

  it('does not wait where retries are switched off', async () => {
    const { server, port } = await serve();
    const hub = hubOf(port, { 'grpc.enable_retries': 0 });
    await hub.stats.getStats({});
    server.forceShutdown();
    // The first call may still find the old connection.
    await hub.stats.getStats({}).catch(() => {});
    const error = (await hub.stats.getStats({}).catch((thrown) => thrown)) as RpcError;
    expect(error.codeName).toBe('UNAVAILABLE');
  });

  it('says at once that nobody is there when nobody ever was', async () => {
    const { server, port } = await serve();
    server.forceShutdown();
    const error = (await hubOf(port)
      .stats.getStats({})
      .catch((thrown) => thrown)) as RpcError;
    expect(error).toMatchObject({ codeName: 'UNAVAILABLE', message: 'connection refused' });
  });
});
