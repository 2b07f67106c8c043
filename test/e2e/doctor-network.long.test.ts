import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CHECK_NAMES } from '../../src/cli/doctor/names.ts';
import { TestAuthority } from '../support/certificates.ts';
import { expectBad, patient, type Report } from '../support/doctor.ts';
import { startRedis } from '../support/redis-server.ts';
import { ServerProcess } from '../support/server-process.ts';

const bench = patient(CHECK_NAMES);

describe('a server behind a proxy that ends TLS', () => {
  let authority: TestAuthority;
  let proxy: Server | undefined;
  beforeAll(async () => {
    authority = await TestAuthority.create();
  });
  afterEach(() => {
    proxy?.close();
  });

  async function looksThrough(options: TlsOptions, ...args: string[]): Promise<Report> {
    const address = await bench().server.address();
    proxy = createServer({ ALPNProtocols: ['h2'], ...options }, (socket) => {
      const behind = connect(Number(address.split(':').at(-1)), '127.0.0.1');
      for (const end of [socket, behind]) end.on('error', () => {});
      socket.pipe(behind).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy?.listen(0, '127.0.0.1', resolve));
    const ca = join(bench().folder, 'ca.crt');
    writeFileSync(ca, authority.pem);
    const where = `https://localhost:${(proxy.address() as AddressInfo).port}`;
    const keyFile = join(bench().server.dataDir, 'operator.key');
    return bench().doctor(['--address', where, '--key-file', keyFile, '--tls-ca', ca, ...args]);
  }
  const pair = async (validToDays: number, bits = 2048) => {
    const { certificate: cert, key } = await authority.issue({ validFromDays: -30, validToDays, bits });
    return { cert, key };
  };

  it('that talks what is of today is fine, and its certificate is warned of before it ends', async () => {
    const report = await looksThrough(await pair(5), '--only', 'tls', '--only', 'roles');
    expect(report.findings.filter(({ check }) => check === 'tls')).toMatchObject([
      { state: 'warn', said: expect.stringMatching(/^TLSv1\.3 at localhost:\d+; the certificate ends in [45] days/) },
    ]);
    expect(report.code).toBe(0);
  });

  it('whose certificate has ended is red, and why nothing else was looked at is said', async () => {
    const report = await looksThrough(await pair(-1), '--only', 'tls', '--only', 'roles', '--only', 'cache');
    expectBad(report, 'tls', /^TLS at localhost:\d+ fails: certificate has expired\.$/);
    expect(report.findings.filter(({ state }) => state === 'skipped').map(({ check }) => check)).toEqual([
      'roles',
      'cache',
    ]);
  });

  it('whose key is too short is red', async () => {
    const report = await looksThrough({ ...(await pair(30, 1024)), ciphers: 'DEFAULT:@SECLEVEL=0' }, '--only', 'tls');
    expectBad(report, 'tls', /^TLS at localhost:\d+ fails: EE certificate key too weak\.$/);
  });

  it('that talks TLS 1.1 too is red', async () => {
    const old: TlsOptions = { minVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' };
    const report = await looksThrough({ ...(await pair(30)), ...old }, '--only', 'tls');
    expectBad(report, 'tls', /^localhost:\d+ also talks TLSv1\.1, which is broken\.$/);
  });
});

describe('a planted fault turns its own line red, and no other', () => {
  it('a password everybody tries', async () => {
    const settings = { DATABASE_READ_URL: 'postgres://hub:Password@127.0.0.1:1/hub' };
    const report = await bench().steady([], settings);
    expectBad(report, 'secrets', /^The password in DATABASE_READ_URL is a default one/);
    expect(JSON.stringify(report)).not.toContain('Password@');
  });

  it('a password that is missing, on another host, is warned of', async () => {
    const report = await bench().doctor(['--only', 'secrets'], { DATABASE_READ_URL: 'postgres://hub@db.example/hub' });
    expect(report.findings).toMatchObject([{ state: 'warn', said: expect.stringContaining('db.example') }]);
  });

  it('settings that are not those of the server are warned of: what is said of them is not said of it', async () => {
    const report = await bench().doctor(['--only', 'secrets'], { REDIS_URL: '', MEMORYHUB_WORKERS: '2' });
    expect(report.findings).toMatchObject([
      {
        state: 'warn',
        said: expect.stringMatching(/it has a Redis, and REDIS_URL is not set; it has 1 processes instead of 2/),
      },
    ]);
  });

  it('two servers that do not share their Redis read what the other has changed', async () => {
    const redis = await startRedis();
    const { MEMORYHUB_DATA_DIR, MEMORYHUB_LOG_FILE, ...settings } = bench().env;
    const other = new ServerProcess({ ...settings, REDIS_URL: redis.url });
    const ports = [await bench().server.address(), await other.address()].map((at) => Number(at.split(':').at(-1)));
    let connections = 0;
    const balancer = createTcpServer((socket) => {
      const behind = connect(ports[connections++ % 2] as number, '127.0.0.1');
      for (const end of [socket, behind]) end.on('error', () => {});
      socket.pipe(behind).pipe(socket);
    });
    try {
      await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
      const where = `127.0.0.1:${(balancer.address() as AddressInfo).port}`;
      const keyFile = join(bench().server.dataDir, 'operator.key');
      const report = await bench().doctor(['--only', 'cache', '--address', where, '--key-file', keyFile]);
      expectBad(
        report,
        'cache',
        /^50 writes, each read twice over other connections: [1-9]\d* of 100 reads were older/,
      );
    } finally {
      balancer.close();
      await other.cleanUp();
      await redis.stop();
    }
  });

  describe('a clock', () => {
    let fast: ServerProcess;
    beforeAll(async () => {
      const shifted = join(bench().folder, 'shifted.mjs');
      writeFileSync(shifted, 'const now = Date.now; Date.now = () => now() + 60_000;');
      const { MEMORYHUB_DATA_DIR, MEMORYHUB_LOG_FILE, ...settings } = bench().env;
      fast = new ServerProcess({ ...settings, NODE_OPTIONS: `--import=${shifted}` });
      await fast.address();
    });
    afterAll(() => fast.cleanUp());

    it('of a server that is a minute ahead', async () => {
      const report = await bench().steady([], { MEMORYHUB_DATA_DIR: fast.dataDir, MEMORYHUB_LOG_FILE: '' });
      expectBad(report, 'clock', /^The server's clock is (59|60)\d{3} ms ahead of this machine's/);
    });
  });
});
