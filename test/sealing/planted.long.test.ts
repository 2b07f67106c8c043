import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ExportFormat } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { collect } from '../rpc-memory/harness.ts';
import { createTestDatabase } from '../support/database.ts';
import { redisSuite } from '../support/redis.ts';
import { startRedis } from '../support/redis-server.ts';
import { runCommand, ServerProcess } from '../support/server-process.ts';

/** Text that is no secret, to show that the search finds what is there. */
const MARKER = `marker${randomBytes(12).toString('hex')}`;

const secrets: string[] = [];
/** Another one each time, all of one form. */
function secret(): string {
  const text = `sk-planted${randomBytes(16).toString('hex')}`;
  secrets.push(text);
  return text;
}

/** Brings secrets in by every way there is, refused ones too, and reads them by every way. */
async function plant(hub: MemoryHub): Promise<void> {
  const { memories, config } = hub;
  const { id, metadata } = await memories.saveMemory({
    memory: {
      content: MARKER,
      metadata: { marker: MARKER, api_key: secret(), deep: [{ db: { dbPassword: secret() } }] },
    },
  });
  await memories.updateMemory({
    memory: { id, metadata: { ...metadata, token: { a: [secret()] } } },
    updateMask: ['metadata'],
  });
  await memories.batchSaveMemories({
    memories: Array.from({ length: 5 }, () => ({ content: MARKER, metadata: { client_secret: secret() } })),
  });
  const request = { memory: { content: 'x', metadata: { token: secret() } }, requestId: crypto.randomUUID() };
  await memories.saveMemory(request);
  const other = { ...request, memory: { content: 'x', metadata: { token: secret() } } };
  await expect(memories.saveMemory(other)).rejects.toThrow();
  await expect(memories.saveMemory({ memory: { metadata: { token: secret() } } })).rejects.toThrow();
  const tooMany = Array.from({ length: 70 }, () => ({ token: secret() }));
  await expect(memories.saveMemory({ memory: { content: 'x', metadata: { tooMany } } })).rejects.toThrow();
  await expect(collect(memories.listMemories({ filter: `metadata.token = "${secret()}"` }))).rejects.toThrow();
  await config.setConfig({ setting: { name: 'openai.api_key', value: secret() } });
  await config.setConfig({ setting: { name: 'mail', value: { marker: MARKER, password: secret() } } });
  await expect(config.setConfig({ setting: { name: 'anthropic.api_key', value: secret() } })).rejects.toThrow();
  await expect(config.importConfig({ settings: [{ name: 'a b', value: { token: secret() } }] })).rejects.toThrow();
  for (let n = 0; n < 3; n++) {
    await memories.getMemory({ target: { $case: 'id', value: id } });
    await memories.getMemory({ target: { $case: 'id', value: id }, revealSensitive: true });
    await config.getConfig({});
    await config.revealSecret({ name: 'mail' });
  }
  await collect(config.exportConfig({ revealSensitive: true }));
  await collect(memories.exportMemories({ revealSensitive: true }));
}

/** Those of the planted that are in it. */
const found = (bytes: Buffer) => secrets.filter((text) => bytes.includes(text));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** Takes whatever is exported to it, as it is. */
async function rawReceiver() {
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    for await (const part of request) bodies.push(part as Buffer);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, bytes: () => Buffer.concat(bodies), close: () => server.close() };
}

describe('planted secrets', () => {
  it('are in no file of the database, no log, no trace and no export that did not ask for them', async () => {
    const traces = await rawReceiver();
    const server = new ServerProcess({
      OTEL_EXPORTER_OTLP_ENDPOINT: traces.endpoint,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_TRACES_SAMPLER: 'always_on',
      LOG_LEVEL: 'trace',
      MEMORYHUB_ACCESS_LOG: '1',
    });
    try {
      const hub = await server.connect();
      await plant(hub);
      const exports: Buffer[] = [];
      for (const format of [ExportFormat.PROTO, ExportFormat.JSONL, ExportFormat.CSV]) {
        for (const { event } of await collect(hub.memories.exportMemories({ format }))) {
          if (event?.$case === 'chunk') exports.push(Buffer.from(event.value.data));
        }
      }
      const exported = Buffer.concat(exports);
      expect(exported.includes(MARKER)).toBe(true);
      expect(found(exported)).toEqual([]);
      const env = { MEMORYHUB_DATA_DIR: server.dataDir };
      for (const args of [
        ['list', '--json'],
        ['settings', 'list', '--json'],
        ['settings', 'export'],
      ]) {
        const { stdout, stderr, code } = await runCommand(args, { env });
        expect([code, stdout.includes(args[0] === 'list' ? 'metadata' : 'mail')], args.join(' ')).toEqual([0, true]);
        expect(found(Buffer.from(stdout + stderr))).toEqual([]);
      }
      hub.close();
      // Ends PostgreSQL too, which writes everything to its files first.
      expect(await server.stop()).toBe(0);
      const files = filesBelow(server.dataDir);
      const withMarker = files.filter((path) => readFileSync(path).includes(MARKER));
      expect(withMarker.some((path) => path.includes('base'))).toBe(true);
      expect(files.filter((path) => found(readFileSync(path)).length > 0)).toEqual([]);
      expect(statSync(join(server.dataDir, 'sealing.keys')).mode & 0o777).toBe(0o600);
      const log = Buffer.from(server.output);
      expect(log.includes('SaveMemory')).toBe(true);
      expect(found(log)).toEqual([]);
      expect(traces.bytes().includes('SaveMemory')).toBe(true);
      expect(found(traces.bytes())).toEqual([]);
    } finally {
      traces.close();
      await server.cleanUp();
    }
  });

  it('that were lost with their keyring keep the server from starting, by name, and a copy brings them back', async () => {
    const database = await createTestDatabase();
    const first = new ServerProcess({ DATABASE_URL: database.url });
    try {
      const hub = await first.connect();
      const value = secret();
      await hub.config.setConfig({ setting: { name: 'openai.api_key', value } });
      hub.close();
      await first.stop();
      const stranger = new ServerProcess({ DATABASE_URL: database.url });
      expect(await stranger.exit()).toBe(1);
      expect(stranger.output).toMatch(/keyring .*cannot be read \(ENOENT\).*give this server the keyring/);
      await stranger.cleanUp();
      const copy = join(first.dataDir, 'sealing.keys');
      const second = new ServerProcess({ DATABASE_URL: database.url, MEMORYHUB_SEALING_KEYRING: copy });
      const again = await second.connect();
      expect((await again.config.revealSecret({ name: 'openai.api_key' })).value).toBe(value);
      again.close();
      await second.cleanUp();
    } finally {
      await first.cleanUp();
      await database.drop();
    }
  });
});

redisSuite('planted secrets behind Redis', () => {
  it('are in nothing that Redis holds', async () => {
    const [database, redis] = await Promise.all([createTestDatabase(), startRedis()]);
    const server = new ServerProcess({ DATABASE_URL: database.url, REDIS_URL: redis.url });
    const client = new Redis(redis.url);
    try {
      const hub = await server.connect();
      await plant(hub);
      hub.close();
      const keys = await client.keys('*');
      const dump = Buffer.concat(
        await Promise.all(
          keys.map(async (key) => Buffer.concat([Buffer.from(key), (await client.getBuffer(key)) ?? Buffer.alloc(0)])),
        ),
      );
      expect(dump.includes(MARKER)).toBe(true);
      expect(found(dump)).toEqual([]);
    } finally {
      client.disconnect();
      await server.cleanUp();
      await redis.stop();
      await database.drop();
    }
  });
});
