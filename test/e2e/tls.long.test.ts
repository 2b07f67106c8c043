import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { TestAuthority, writePair } from '../support/certificates.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';

const folder = temporaryFolder();
const caFile = join(folder, 'ca.crt');
let authority: TestAuthority;
let files: { certificate: string; key: string };
let database: TestDatabase;
const started: ServerProcess[] = [];

function startServer(settings: NodeJS.ProcessEnv = {}): ServerProcess {
  const tls = { MEMORYHUB_TLS_CERT: files.certificate, MEMORYHUB_TLS_KEY: files.key };
  const server = new ServerProcess({ DATABASE_URL: database.url, ...tls, ...settings });
  started.push(server);
  return server;
}

beforeAll(async () => {
  authority = await TestAuthority.create();
  writeFileSync(caFile, authority.pem);
  files = writePair(folder, await authority.issue({ commonName: 'first' }));
  database = await createTestDatabase();
});
afterAll(async () => {
  await Promise.all(started.map((server) => server.cleanUp()));
  await database.drop();
  rmSync(folder, { recursive: true });
});

describe.each([1, 2])('a server with TLS and %i worker(s)', (workers) => {
  let server: ServerProcess;
  let address: string;
  beforeAll(async () => {
    server = startServer({ MEMORYHUB_WORKERS: `${workers}` });
    address = await server.address();
  });

  it('is called by command line and monitor, which find out by themselves that it has TLS', async () => {
    const env = { MEMORYHUB_DATA_DIR: server.dataDir, MEMORYHUB_CLIENT_TLS_CA: caFile };
    expect(await runCommand(['save', 'Deploys happen on Tuesdays.', '--key', 'deploys'], { env })).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect((await runCommand(['get', '--key', 'deploys'], { env })).stdout).toContain('Deploys happen on Tuesdays.');
    const frame = await runCommand(['monitor', '--once', '--json'], { env });
    expect({ code: frame.code, stderr: frame.stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(frame.stdout).methods).toBeDefined();
    expect((await runCommand(['status', '--check'], { env })).code).toBe(0);
  });

  it('is called with the options of a command line, from anywhere', async () => {
    const keyFile = join(server.dataDir, 'admin.key');
    const args = ['list', '--address', `https://${address}`, '--key-file', keyFile];
    const env = { MEMORYHUB_DATA_DIR: join(folder, 'none') };
    expect((await runCommand([...args, '--tls-ca', caFile], { env })).code).toBe(0);
    const untrusted = await runCommand(args, { env });
    expect(untrusted.code).toBe(1);
    expect(untrusted.stderr).toMatch(/cannot reach a server at .*certificate/);
    const half = await runCommand([...args, '--tls-cert', files.certificate], { env });
    expect(half).toMatchObject({ code: 1, stderr: expect.stringContaining('--tls-key is not') });
  });

  it('takes new files without losing a call', async () => {
    const tls = { ca: Buffer.from(authority.pem) };
    const hub = new MemoryHub({ address, tls, credential: server.credential(), channel: { 'grpc.enable_retries': 0 } });
    let stop = false;
    let calls = 0;
    const load = (async () => {
      for (; !stop; calls++) await hub.memories.getMemory({ target: { $case: 'key', value: { key: 'deploys' } } });
    })();
    const name = `turned-${workers}`;
    writePair(folder, await authority.issue({ commonName: name }));
    await expect.poll(() => servedName(address), { timeout: 10_000 }).toBe(name);
    stop = true;
    await load;
    expect(calls).toBeGreaterThan(0);
    await expect
      .poll(() => server.output)
      .toMatch(new RegExp(`TLS: new connections get the certificate of CN=${name}`));
    hub.close();
  });
});

/** Whose certificate a new connection is shown. */
function servedName(address: string): Promise<string> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: authority.pem, ALPNProtocols: ['h2'] }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    }).once('error', reject);
  });
}

it('a server does not start with a certificate that has expired, and says so before anything else', async () => {
  const expired = writePair(folder, await authority.issue({ validFromDays: -9, validToDays: -1 }), 'expired');
  const server = startServer({ MEMORYHUB_TLS_CERT: expired.certificate, MEMORYHUB_TLS_KEY: expired.key });
  expect(await server.exit()).toBe(1);
  expect(server.output).toContain(
    `MEMORYHUB_TLS_CERT is ${expired.certificate}, which holds a certificate that expired`,
  );
});
