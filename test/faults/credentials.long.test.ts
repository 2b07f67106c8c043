import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GetStatsResponse, WatchStatsResponse } from '../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { TestIssuer } from '../security/support/issuer.ts';
import { TestAuthority, writePair } from '../support/certificates.ts';
import { redisSuite } from '../support/redis.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';
import { freePort } from './support/cluster.ts';

const ROLE_WRITER = 2;
const ROLE_ADMIN = 3;

/** The secret of a credential in every form in which a log or a table might have it. */
function forms(name: string, secret: string): [string, string][] {
  const bytes = Buffer.from(secret);
  return [
    [name, secret],
    [`${name} in base64`, bytes.toString('base64').replace(/=+$/, '').slice(0, -2)],
    [`${name} in hex`, bytes.toString('hex')],
  ];
}

/** Whoever finds one of these in a copy of something can call the server, or be it. */
redisSuite('credentials that are used', () => {
  const folder = temporaryFolder();
  const collected: Buffer[] = [];
  const collector = createServer(async (request, response) => {
    for await (const part of request) collected.push(part as Buffer);
    response.end();
  });
  let authority: TestAuthority;
  let issuer: TestIssuer;
  let redis: RedisServer;
  let server: ServerProcess;
  let metricsPort: number;
  const planted: [name: string, text: string][] = [];
  const sealingKey = randomBytes(32).toString('base64');
  const redisPassword = `redis${randomBytes(12).toString('hex')}`;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    [authority, issuer, redis, metricsPort] = await Promise.all([
      TestAuthority.create(),
      TestIssuer.start(),
      startRedis(),
      freePort(),
    ]);
    collector.listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const client = new Redis(redis.url);
    await client.config('SET', 'requirepass', redisPassword);
    client.disconnect();
    const pair = await authority.issue();
    const files = writePair(folder, pair);
    writeFileSync(join(folder, 'ca.crt'), authority.pem);
    const keyLine = pair.key.split('\n')[2] ?? '';
    planted.push(
      ['the key of TLS', keyLine],
      ['the sealing key', sealingKey.slice(0, 40)],
      ...forms('the password of Redis', redisPassword),
    );
    env = {
      MEMORYHUB_TLS_CERT: files.certificate,
      MEMORYHUB_TLS_KEY: files.key,
      MEMORYHUB_CLIENT_TLS_CA: join(folder, 'ca.crt'),
      MEMORYHUB_SEALING_KEYS: `planted:${sealingKey}`,
      MEMORYHUB_OIDC_ISSUER: issuer.url,
      MEMORYHUB_OIDC_AUDIENCE: 'memory-hub',
      MEMORYHUB_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
      MEMORYHUB_RATE_LIMIT_KEY: '100000',
      MEMORYHUB_ACCESS_LOG: '1',
      REDIS_URL: redis.url.replace('redis://', `redis://:${redisPassword}@`),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_TRACES_SAMPLER: 'always_on',
      LOG_LEVEL: 'trace',
    };
    server = new ServerProcess(env);
    await server.address();
  });
  afterAll(async () => {
    await server.cleanUp();
    await Promise.all([redis.stop(), issuer.stop()]);
    collector.close();
    rmSync(folder, { recursive: true });
  });

  /** A key's secret is planted, its id is what shows that the search finds what is there. */
  function plant(name: string, credential: string): string {
    const [, id = '', secret = ''] = /^mh_([^_]+)_(.+)$/.exec(credential) ?? [];
    expect(secret.length).toBeGreaterThan(30);
    planted.push(...forms(name, secret));
    return id;
  }

  it('are in no file, log, trace, metric, statistic, audit trail or Redis dump', async () => {
    const address = await server.address();
    const hubs: MemoryHub[] = [];
    const as = (credential: string) => {
      const hub = new MemoryHub({ address, credential, tls: { ca: Buffer.from(authority.pem) } });
      hubs.push(hub);
      return hub;
    };
    const operator = as(server.credential('operator'));
    plant('the operator key', server.credential('operator'));
    plant('the first admin key', server.credential('admin'));
    const admin = as(server.credential('admin'));
    const made = await admin.admin.createApiKey({ apiKey: { name: 'planted', role: ROLE_WRITER } });
    const id = plant('a key that was made', made.credential);
    await as(made.credential).memories.saveMemory({ memory: { content: 'by key' } });
    const rotated = await admin.admin.rotateKeys({ ids: [id], overlap: { seconds: 60n, nanos: 0 } });
    plant('a key that was rotated', rotated.keys[0]?.credential ?? '');
    // Every process learns of it with its next poll of the database.
    const renewed = as(rotated.keys[0]?.credential ?? '');
    const isKnown = () =>
      renewed.memories.listStorages({}).then(
        () => true,
        () => false,
      );
    await expect.poll(isKnown, { timeout: 5_000 }).toBe(true);
    const wrong = `mh_${id}_${randomBytes(32).toString('base64url')}`;
    plant('a wrong key', wrong);
    await expect(as(wrong).memories.listStorages({})).rejects.toThrow();
    await admin.admin.createApiKey({ apiKey: { name: 'gone', role: ROLE_ADMIN } }).then(({ apiKey, credential }) => {
      plant('a revoked key', credential);
      return admin.admin.revokeApiKey({ id: apiKey?.id ?? '' });
    });
    const token = await issuer.sign({ memoryhub_workspace: 'default' });
    await as(token).memories.saveMemory({ memory: { content: 'by token' } });
    const refused = await issuer.sign({ aud: 'elsewhere' });
    await expect(as(refused).memories.listStorages({})).rejects.toThrow();
    for (const [name, jwt] of [
      ['a token', token],
      ['a refused token', refused],
    ] as const) {
      const [, payload = '', signature = ''] = jwt.split('.');
      planted.push([name, signature], [`the claims of ${name}`, payload]);
    }

    const found = (bytes: Buffer) => planted.filter(([, text]) => bytes.includes(text)).map(([name]) => name);
    const holds = (what: string, bytes: Buffer, control: string) => {
      expect(bytes.includes(control), `${what} holds ${control}`).toBe(true);
      expect(found(bytes), what).toEqual([]);
    };
    const stats = GetStatsResponse.encode(await operator.stats.getStats({})).finish();
    holds('GetStats', Buffer.from(stats), id);
    for await (const frame of operator.stats.watchStats({ interval: { seconds: 0n, nanos: 200_000_000 } })) {
      holds('a frame', Buffer.from(WatchStatsResponse.encode(frame).finish()), frame.frame?.bootId ?? 'a frame');
      break;
    }
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    holds('the metrics', Buffer.from(metrics), 'SaveMemory');
    const commands: [args: string[], control: string][] = [
      [['audit', '--all', '--json'], id],
      [['keys', 'list', '--json'], id],
      [['status'], address],
      [['config', 'check', '--json'], '(set)'],
      [['export'], 'by token'],
    ];
    for (const [args, control] of commands) {
      const { stdout, stderr } = await runCommand(args, {
        env: { ...env, MEMORYHUB_DATA_DIR: server.dataDir, MEMORYHUB_CLIENT_TLS_CA: join(folder, 'ca.crt') },
      });
      holds(args.join(' '), Buffer.from(stdout + stderr), control);
    }
    const client = new Redis(env.REDIS_URL ?? '');
    await client.config('SET', 'rdbcompression', 'no');
    await client.save();
    const [, redisFolder = ''] = (await client.config('GET', 'dir')) as string[];
    client.disconnect();
    holds('the dump of Redis', readFileSync(join(redisFolder, 'dump.rdb')), 'REDIS');
    for (const hub of hubs) hub.close();
    // Ends PostgreSQL too, which writes everything to its files first.
    expect(await server.stop()).toBe(0);
    holds('the log', Buffer.from(server.output), id);
    holds('traces and metrics that were sent', Buffer.concat(collected), 'SaveMemory');
    const files = filesBelow(server.dataDir);
    const keyFiles = files.filter((path) => /\/(?:admin|operator)\.key$/.test(path));
    expect(keyFiles.map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
    const others = files.filter((path) => !keyFiles.includes(path)).map((path) => [path, readFileSync(path)] as const);
    expect(others.some(([path, bytes]) => path.includes('/base/') && bytes.includes(id))).toBe(true);
    expect(others.filter(([, bytes]) => found(bytes).length > 0).map(([path]) => path)).toEqual([]);
  });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
