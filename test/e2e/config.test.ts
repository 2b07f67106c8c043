import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ServerProcess } from '../support/server-process.ts';
import { metricsUrl, readScrape, sampleOf } from '../telemetry/scrape.ts';

/** Every process has polled the generations by then: they do four times a second. */
const POLLED_MS = 2_000;

describe('two servers on one database', () => {
  let database: TestDatabase;
  const servers: ServerProcess[] = [];
  let a: MemoryHub;
  let b: MemoryHub;

  beforeAll(async () => {
    database = await createTestDatabase();
    const settings = {
      DATABASE_URL: database.url,
      MEMORYHUB_SEALING_KEYS: `kek-1 ${randomBytes(32).toString('base64')}`,
      MEMORYHUB_METRICS_LISTEN: '127.0.0.1:0',
    };
    for (const _ of [1, 2]) servers.push(new ServerProcess(settings));
    [a, b] = (await Promise.all(servers.map((server) => server.connect()))) as [MemoryHub, MemoryHub];
  });
  afterAll(async () => {
    a?.close();
    b?.close();
    await Promise.all(servers.map((server) => server.cleanUp()));
    await database?.drop();
  });

  const inForce = async (hub: MemoryHub, name: string, userId = '') =>
    (await hub.config.getConfig({ userId })).settings.find((setting) => setting.name === name)?.value;
  const sealedEntries = async (server: ServerProcess) =>
    sampleOf(readScrape(await (await fetch(metricsUrl(server.output))).text()), 'memoryhub_seal_cache_entries').value;

  it('a setting changed or deleted through one is seen through the other by its next poll', async () => {
    await a.config.setConfig({ setting: { name: 'own.limit', value: 1 } });
    await expect.poll(() => inForce(b, 'own.limit', 'ada'), { timeout: POLLED_MS }).toBe(1);
    // What it keeps for a user is let go when the workspace's setting changes, too.
    for (let value = 2; value <= 5; value++) {
      const [writer, reader] = value % 2 ? [a, b] : [b, a];
      expect(await inForce(reader, 'own.limit', 'ada')).toBe(value - 1);
      await writer.config.setConfig({ setting: { name: 'own.limit', value } });
      expect(await inForce(writer, 'own.limit', 'ada')).toBe(value);
      await expect.poll(() => inForce(reader, 'own.limit', 'ada'), { timeout: POLLED_MS }).toBe(value);
    }
    await a.config.deleteConfig({ name: 'own.limit' });
    await expect.poll(() => inForce(b, 'own.limit', 'ada'), { timeout: POLLED_MS }).toBeUndefined();
  });

  it('secrets that the other has opened are forgotten there when their user is erased or they are purged', async () => {
    const server = servers[1] as ServerProcess;
    const open = async (id: string) => {
      const target = { $case: 'id' as const, value: id };
      const { metadata } = await b.memories.getMemory({ target, revealSensitive: true });
      expect(metadata).toEqual({ token: 'hush' });
      await expect.poll(() => sealedEntries(server), { timeout: 10_000 }).toBeGreaterThan(1);
    };
    const save = (memory: object) =>
      a.memories.saveMemory({ memory: { content: 'x', metadata: { token: 'hush' }, ...memory } });
    const his = await save({ userId: 'mina', scope: Scope.PERSONAL });
    await open(his.id);
    await a.memories.eraseUser({ userId: 'mina' });
    // The workspace's data key stays.
    await expect.poll(() => sealedEntries(server), { timeout: 10_000 }).toBe(1);
    const other = await save({});
    await open(other.id);
    await a.memories.purgeMemories({ ids: [other.id] });
    await expect.poll(() => sealedEntries(server), { timeout: 10_000 }).toBe(1);
  });
});
