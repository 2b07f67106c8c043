import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { Client, Metadata, status } from '@grpc/grpc-js';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TlsCredentials, type TlsIdentity } from '../../src/server/rpc/tls-credentials.ts';
import { connect } from '../../src/shared/client.ts';
import type { TlsOptions } from '../../src/shared/client-tls.ts';
import { type Pair, TestAuthority } from '../support/certificates.ts';
import { call, open, readAll, start, stream, type TestServer, unary } from './harness.ts';

let authority: TestAuthority;
let stranger: TestAuthority;
let pair: Pair;
let tls: TlsCredentials;
let server: TestServer;
const clients: Client[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  stranger = await TestAuthority.create('A Stranger');
  pair = await authority.issue({ commonName: 'first' });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function identity(of: Pair, clientCa?: string): TlsIdentity {
  return {
    certificate: Buffer.from(of.certificate),
    key: Buffer.from(of.key),
    clientCa: clientCa === undefined ? undefined : Buffer.from(clientCa),
  };
}

async function serve(clientCa?: string): Promise<void> {
  tls = new TlsCredentials(identity(pair, clientCa));
  const methods = [
    unary('Echo', async (_call, text) => text),
    stream('Count', async function* () {
      for (let i = 0; i < 40; i++) {
        yield `${i}`;
        await sleep(10);
      }
    }),
  ];
  server = await start(methods, {}, tls);
}

/** The test server as a client with these TLS options sees it. */
function seenWith(options: TlsOptions | undefined): TestServer {
  const address = `127.0.0.1:${server.port}`;
  const channel = { 'grpc.use_local_subchannel_pool': 1 };
  const client = connect(Client, { address, channel, ...(options && { tls: options }) });
  clients.push(client);
  return { ...server, client };
}

const trusting = (extra: TlsOptions = {}): TlsOptions => ({ ca: Buffer.from(authority.pem), ...extra });
const echo = (options: TlsOptions | undefined) =>
  call(seenWith(options), 'Echo', 'hi', { deadline: Date.now() + 3_000 }).then(({ text }) => text);

/** What a client with these options is told of its call. */
function failureOf(options: TlsOptions | undefined): Promise<string> {
  const { client } = seenWith(options);
  const asIs = (bytes: Buffer) => bytes;
  const deadline = Date.now() + 20_000;
  return new Promise((resolve) =>
    client.makeUnaryRequest('/test.Wire/Echo', asIs, asIs, Buffer.from('hi'), new Metadata(), { deadline }, (error) =>
      resolve(error === null ? 'answered' : `${status[error.code]} ${error.details}`),
    ),
  );
}

/** A handshake by hand: the socket, or why there is none. */
function handshake(options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      ca: authority.pem,
      ALPNProtocols: ['h2'],
      ...options,
    });
    socket.once('secureConnect', () => resolve(socket)).once('error', reject);
  });
}

describe('a server with TLS', () => {
  beforeEach(() => serve());

  it('serves who trusts its authority', async () => {
    expect(await echo(trusting())).toBe('hi');
  });

  it('is refused by who trusts another authority, or asks for another name, who is told why', async () => {
    expect(await failureOf({ ca: Buffer.from(stranger.pem) })).toMatch(
      /^UNAVAILABLE .*unable to verify the first certificate/,
    );
    expect(await failureOf(trusting({ serverName: 'elsewhere.example' }))).toMatch(
      /^UNAVAILABLE .*elsewhere\.example.* altnames/,
    );
    expect(server.seen.begun).toBe(0);
  });

  it('is refused by everybody once its certificate has expired, until it has another', async () => {
    tls.replace(identity(await authority.issue({ validFromDays: -2, validToDays: -1 })));
    expect(await failureOf(trusting())).toMatch(/^UNAVAILABLE .*certificate has expired/);
    expect(server.seen.begun).toBe(0);
    tls.replace(identity(pair));
    expect(await echo(trusting())).toBe('hi');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s', async (version) => {
    const socket = await handshake({ minVersion: version, maxVersion: version });
    expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, 'h2']);
    socket.destroy();
  });

  it.each(['TLSv1', 'TLSv1.1'] as const)('does not speak %s', async (version) => {
    // OpenSSL itself offers the old versions at security level 0 only.
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    await expect(handshake(old)).rejects.toThrow(/protocol version/);
  });

  it('agrees on no cipher without forward secrecy', async () => {
    const weak = { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES128-SHA' } as const;
    await expect(handshake(weak)).rejects.toThrow(/handshake failure/);
  });

  it('closes a connection that speaks plain text, and serves on', async () => {
    const socket = connectPlain(server.port, '127.0.0.1').on('error', () => {});
    socket.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await once(socket.resume(), 'close');
    expect(await failureOf(undefined)).toMatch(/^UNAVAILABLE /);
    expect(await echo(trusting())).toBe('hi');
    expect(server.seen.begun).toBe(1);
  });

  it('changes its certificate under load without losing a call or a stream', async () => {
    const next = await authority.issue({ commonName: 'second' });
    const held = seenWith(trusting());
    const counting = readAll(open(held, 'Count'));
    let done = 0;
    const load = (async () => {
      while (done < 60) {
        expect(await echo(trusting())).toBe('hi');
        expect((await call(held, 'Echo', 'held')).text).toBe('held');
        done += 1;
      }
    })();
    await expect.poll(() => done, { timeout: 20_000 }).toBeGreaterThan(5);
    tls.replace(identity(next));
    await load;
    expect(await counting).toEqual({ messages: Array.from({ length: 40 }, (_, i) => `${i}`) });
    const socket = await handshake({});
    expect(socket.getPeerCertificate().subject.CN).toBe('second');
    expect(socket.getProtocol()).toBe('TLSv1.3');
    socket.destroy();
    await expect(
      handshake({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
  });
});

describe('a server that asks for certificates', () => {
  beforeEach(() => serve(authority.pem));

  it('serves who shows one of its authority', async () => {
    const own = await authority.issue({ commonName: 'planner' });
    const shown = { certificate: Buffer.from(own.certificate), key: Buffer.from(own.key) };
    expect(await echo(trusting(shown))).toBe('hi');
  });

  it('serves nobody who shows none, that of a stranger or one that has expired, and no handler hears of them', async () => {
    const failures = await Promise.all(
      [
        undefined,
        await stranger.issue({ commonName: 'planner' }),
        await authority.issue({ commonName: 'planner', validFromDays: -2, validToDays: -1 }),
      ].map((own) =>
        failureOf(trusting(own && { certificate: Buffer.from(own.certificate), key: Buffer.from(own.key) })),
      ),
    );
    for (const failure of failures) expect(failure).toMatch(/^UNAVAILABLE /);
    expect(server.seen.begun).toBe(0);
    const own = await authority.issue({ commonName: 'planner' });
    expect(await echo(trusting({ certificate: Buffer.from(own.certificate), key: Buffer.from(own.key) }))).toBe('hi');
  });

  it('believes the clients of a new authority once the old one is replaced', async () => {
    const own = await stranger.issue({ commonName: 'planner' });
    const shown = { certificate: Buffer.from(own.certificate), key: Buffer.from(own.key) };
    tls.replace(identity(pair, stranger.pem));
    expect(await echo(trusting(shown))).toBe('hi');
  });
});
