import { Client, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { TrustedHosts } from '../../src/server/rpc/trusted-hosts.ts';
import { call, start, type TestServer, unary } from './harness.ts';

const echo = () => [unary('Echo', async (_call, text) => text)];

/** The server as one sees it who calls it by this name. */
function byName(server: TestServer, authority: string): TestServer {
  const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure(), {
    'grpc.default_authority': authority,
    'grpc.use_local_subchannel_pool': 1,
  });
  return { ...server, client };
}

describe('a server that trusts names', () => {
  it.each(['hub.example.com', 'hub.example.com:443', 'HUB.example.com', 'a.hub.internal', '10.0.0.7:50051', '[::1]:1'])(
    'serves a call addressed to %s',
    (authority) => {
      const hosts = new TrustedHosts(['hub.example.com', '*.hub.internal', '10.0.0.7', '[::1]']);
      for (let i = 0; i < 2; i++) expect(() => hosts.check(authority)).not.toThrow();
    },
  );

  it.each([
    '',
    'evil.example',
    'hub.internal',
    '.hub.internal',
    'hub.example.com.evil.example',
    'xhub.example.com',
    '127.0.0.1',
  ])('refuses one addressed to "%s"', (authority) => {
    const hosts = new TrustedHosts(['hub.example.com', '*.hub.internal', '10.0.0.7']);
    for (let i = 0; i < 2; i++) expect(() => hosts.check(authority)).toThrow(/not called by the name/);
  });

  it('refuses before the key is looked at, and lets health checks in by any name', async () => {
    const server = await start(echo(), { trustedHosts: ['hub.example.com'] });
    const wrong = byName(server, 'evil.example');
    await expect(call(wrong, 'Echo', '', { headers: { authorization: '' } })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'memoryhub/HOST_NOT_TRUSTED',
    });
    await expect(call(wrong, '/grpc.health.v1.Health/Check')).resolves.toBeDefined();
    const right = byName(server, 'hub.example.com');
    expect((await call(right, 'Echo', 'hi')).text).toBe('hi');
    wrong.client.close();
    right.client.close();
  });
});
