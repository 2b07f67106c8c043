import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { isSound } from '../faults/support/judge.ts';
import { TestAuthority, writePair } from '../support/certificates.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess, temporaryFolder } from '../support/server-process.ts';
import { SEED } from './support/campaign.ts';
import { mutate, mutation } from './support/mutation.ts';
import { SMALL } from './support/target.ts';
import { pipelined } from './support/verdict.ts';

const CONNECTIONS = 2_000;
const AT_ONCE = 24;
/** A server may wait for the rest of a handshake; one that is cut off by its client must not. */
const PATIENCE_MS = 150;

describe('hostile bytes on the port of TLS', () => {
  const folder = temporaryFolder();
  let authority: TestAuthority;
  let database: TestDatabase;
  let server: ServerProcess;
  let port: number;
  beforeAll(async () => {
    authority = await TestAuthority.create();
    const files = writePair(folder, await authority.issue());
    database = await createTestDatabase();
    server = new ServerProcess({
      ...SMALL,
      DATABASE_URL: database.url,
      MEMORYHUB_TLS_CERT: files.certificate,
      MEMORYHUB_TLS_KEY: files.key,
    });
    port = Number((await server.address()).split(':').at(-1));
  });
  afterAll(async () => {
    await server.cleanUp();
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  it('of every kind are closed or outlived, and who speaks TLS is served all the while', async () => {
    const hello = await recordedHello();
    // A record of a handshake, and what its length announces.
    expect(hello.subarray(0, 2)).toEqual(Buffer.of(22, 3));
    const plain = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
    const bytes = fc.oneof(
      { weight: 6, arbitrary: broken(hello) },
      { weight: 2, arbitrary: broken(plain) },
      { weight: 1, arbitrary: broken(Buffer.concat([hello, plain, hello])) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((array) => Buffer.from(array)) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(Buffer.of(22, 3, 1, 255, 255), Buffer.of(128, 46, 1, 0, 2), randomBytes(70_000)),
      },
    );
    const hub = new MemoryHub({
      address: `127.0.0.1:${port}`,
      credential: server.credential(),
      tls: { ca: Buffer.from(authority.pem) },
    });
    let attacking = true;
    let served = 0;
    const serving = (async () => {
      while (attacking) {
        await hub.memories.listStorages({}, { deadlineMs: 10_000 });
        served += 1;
        await sleep(20);
      }
    })();
    const seed = SEED ?? Math.trunc(Math.random() * 2 ** 31);
    console.info(`FUZZ_SEED=${seed}`);
    const attack = pipelined(fc.sample(bytes, { numRuns: CONNECTIONS, seed }), AT_ONCE, (each) => throwAt(port, each));
    try {
      await Promise.all([
        attack.finally(() => {
          attacking = false;
        }),
        serving,
      ]);
    } finally {
      hub.close();
    }
    expect(served).toBeGreaterThan(20);
    // Whoever comes new is let in as well.
    const socket = connectTls({ host: '127.0.0.1', port, ca: authority.pem, ALPNProtocols: ['h2'] });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    expect(socket.alpnProtocol).toBe('h2');
    socket.destroy();
    isSound(server);
    expect(server.output).not.toMatch(/PRIVATE KEY/);
  });
});

function broken(good: Buffer): fc.Arbitrary<Buffer> {
  return mutation.map((all) => all.reduce(mutate, good));
}

async function throwAt(port: number, bytes: Buffer): Promise<void> {
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.end(bytes);
  await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(PATIENCE_MS)]);
  socket.destroy();
}

/** The first bytes of a client of TLS, as they go over the wire. */
async function recordedHello(): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const listener = createServer((client) => {
      client.once('data', (chunk: Buffer) => {
        resolve(chunk);
        client.destroy();
        listener.close();
      });
    }).listen(0, '127.0.0.1', () => {
      const to = (listener.address() as AddressInfo).port;
      connectTls({ host: '127.0.0.1', port: to, ALPNProtocols: ['h2'] }).on('error', () => {});
    });
    listener.once('error', reject);
  });
}
