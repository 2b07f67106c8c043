import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { GetStatsResponse, StatsServiceService } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
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

describe('our client', () => {
  const ends: (() => void)[] = [];
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  function hubOf(port: number): MemoryHub {
    const hub = new MemoryHub({ address: `127.0.0.1:${port}`, channel: { 'grpc.use_local_subchannel_pool': 1 } });
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

  it('waits no longer than the deadline of the call', async () => {
    const first = await serve();
    const hub = hubOf(first.port);
    await hub.stats.getStats({});
    first.server.forceShutdown();
    const error = (await hub.stats.getStats({}, { deadlineMs: 300 }).catch((thrown) => thrown)) as RpcError;
    expect(error.codeName).toBe('DEADLINE_EXCEEDED');
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
