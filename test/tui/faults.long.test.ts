import { mkdtempSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawnPattern, FAULTS, type FaultName } from '../../docs/faults.ts';
import type { CheckName } from '../../src/cli/doctor/names.ts';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { type Cluster, plainHub, testCluster } from '../faults/support/cluster.ts';
import { freeze } from '../faults/support/processes.ts';
import type { Report } from '../support/doctor.ts';
import { runCommand } from '../support/server-process.ts';
import { record, replayed } from './support/recorded-fault.ts';

const folder = mkdtempSync(join(tmpdir(), 'memory-hub-faults-'));
afterAll(() => rmSync(folder, { recursive: true }));

/**
 * Plants a fault in a cluster, records it, and looks where the documentation says.
 *
 * @param plant what it returns, if it is a function, undoes it when it was seen
 * @param server the one the doctor is to look at
 */
function planted(cluster: Cluster, name: FaultName, plant: () => Promise<unknown>, server = 0): void {
  const { keys, reads, doctor } = FAULTS[name];
  test(`${name}: ${keys.length === 0 ? 'the overview' : keys.join(' ')} says "${reads}"`, async () => {
    const path = join(folder, `${name}.rec`);
    let undo: unknown;
    let found: readonly string[];
    try {
      await record(path, cluster.addresses, cluster.server(0).credential('operator'), async () => {
        undo = await plant();
      });
      found = await redLines(cluster, server, doctor[0]);
    } finally {
      if (typeof undo === 'function') await undo();
    }
    expect(await replayed(path, keys)).toMatch(drawnPattern(reads));
    expect(found).toContainEqual(expect.stringMatching(drawnPattern(doctor[1])));
  });
}

/** What the doctor calls bad in this line of a server, while the fault is there or just was. */
async function redLines(cluster: Cluster, server: number, check: CheckName): Promise<readonly string[]> {
  const env = { ...cluster.stores, MEMORYHUB_DATA_DIR: cluster.server(server).dataDir };
  const { stdout, stderr } = await runCommand(['doctor', '--json', '--strict', '--only', check], { env });
  expect(stderr).toBe('');
  const { findings } = JSON.parse(stdout) as Pick<Report, 'findings'>;
  return findings.filter(({ state }) => state === 'bad').map(({ said }) => said);
}

/** So many callers at once, each asking again as soon as it was answered, whatever the answer; for so long. */
async function callers(count: number, ms: number, call: (caller: number) => Promise<unknown>): Promise<void> {
  const until = performance.now() + ms;
  const caller = async (_: unknown, index: number) => {
    while (performance.now() < until) await call(index).catch(() => {});
  };
  await Promise.all(Array.from({ length: count }, caller));
}

/** The same until the answer is called. */
function calling(count: number, call: (caller: number) => Promise<unknown>): () => void {
  let goesOn = true;
  const caller = async (index: number) => {
    while (goesOn) await call(index).catch(() => {});
  };
  for (let index = 0; index < count; index++) void caller(index);
  return () => {
    goesOn = false;
  };
}

async function listed(hub: MemoryHub, filter = ''): Promise<void> {
  for await (const _message of hub.memories.listMemories({ filter, limit: 100 }));
}

/** A client of the first server for the whole describe. */
function adminOf(cluster: Cluster): () => MemoryHub {
  let hub: MemoryHub | undefined;
  beforeAll(() => {
    hub = plainHub(cluster.address(0), cluster.server(0).credential());
  });
  afterAll(() => hub?.close());
  return () => hub as MemoryHub;
}

async function keyOf(cluster: Cluster, name: string) {
  return cluster.operator.admin.createApiKey({ apiKey: { name, role: Role.WRITER, workspace: 'default' } });
}

async function fill(hub: MemoryHub, count: number, content: string): Promise<void> {
  for (let at = 0; at < count; at += 250) {
    await hub.memories.batchSaveMemories({
      memories: Array.from({ length: 250 }, (_, index) => ({ content: `${at + index} ${content}`, category: 'fact' })),
    });
  }
}

describe('two servers', () => {
  const cluster = testCluster({ ownPostgres: true, redis: true });
  const hub = adminOf(cluster);
  const save = (caller: number) => hub().memories.saveMemory({ memory: { content: `of ${caller}` } });

  planted(cluster, 'slow disk', async () => {
    // Of another name when it is tried again.
    const workspace = `second-${Date.now()}`;
    await cluster.newWorkspace(workspace);
    const second = plainHub(cluster.address(1), await cluster.newKey({ workspace, role: Role.WRITER }));
    // PostgreSQL waits before it writes its log, with the log's lock held, as it does for a disk that is slow.
    await settings(cluster, 'commit_delay = 100000', 'commit_siblings = 0');
    // Looked at once a second, twice at least while calls are slow, which on a busy machine takes more than three.
    await callers(8, 6_000, (caller) =>
      caller % 2 === 0 ? save(caller) : second.memories.saveMemory({ memory: { content: 'elsewhere' } }),
    );
    second.close();
    return () => settings(cluster, 'commit_delay = 0');
  });

  planted(cluster, 'lock wait', () =>
    cluster.database(async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM workspace_heads FOR UPDATE');
      const writing = callers(4, 1_000, save);
      await sleep(3_000);
      await client.query('ROLLBACK');
      await writing;
    }),
  );

  planted(cluster, 'hot key', async () => {
    const { id } = await save(0);
    await callers(40, 2_000, (caller) => hub().memories.saveMemory({ memory: { id, content: `by ${caller}` } }));
  });

  planted(
    cluster,
    'revoked key',
    async () => {
      const { apiKey, credential } = await keyOf(cluster, 'forgotten');
      const owner = plainHub(cluster.address(1), credential);
      const used = callers(2, 2_000, () => owner.memories.getStorageInfo({}).finally(() => sleep(20)));
      await sleep(500);
      await cluster.operator.admin.revokeApiKey({ id: apiKey?.id ?? '' });
      await used;
      owner.close();
    },
    1,
  );

  planted(cluster, 'Redis flush', async () => {
    const memories = Array.from({ length: 250 }, (_, index) => ({ content: `memory ${index}` }));
    const saved = await hub().memories.batchSaveMemories({ memories });
    await hub().memories.batchGetMemories({ ids: saved.memories.map(({ id }) => id) });
    await sleep(1_500);
    const redis = new Redis(cluster.redis.url);
    try {
      expect(await redis.dbsize()).toBeGreaterThan(150);
      await redis.flushall();
    } finally {
      redis.disconnect();
    }
    await sleep(1_200);
  });

  planted(cluster, 'Redis down', async () => {
    await cluster.redis.kill();
    await callers(4, 2_000, save);
    return () => cluster.redis.start();
  });

  planted(
    cluster,
    'one bad replica',
    async () => {
      const { pid } = cluster.server(1).child;
      const stop = calling(1, async () => {
        const thaw = freeze(pid ?? 0);
        await sleep(300);
        thaw();
        await sleep(150);
      });
      await callers(2, 3_000, save);
      return stop;
    },
    1,
  );
});

describe('a server with many memories', () => {
  const cluster = testCluster({ servers: 1 });
  const hub = adminOf(cluster);
  beforeAll(async () => {
    await fill(hub(), 12_000, 'short');
    await cluster.database((client) => client.query('ANALYZE memories'));
  });

  planted(cluster, 'missing index', async () => {
    await cluster.database((client) => client.query('DROP INDEX memories_category, memories_create_time'));
    // Tables are looked at every ten seconds.
    await callers(2, 12_000, () => listed(hub(), 'category = "rare"').finally(() => sleep(50)));
  });
});

describe('a small server', () => {
  const cluster = testCluster({
    servers: 1,
    settings: {
      MEMORYHUB_POOL_SIZE: '2',
      MEMORYHUB_POOL_OVERFLOW: '1',
      MEMORYHUB_CACHE_BYTES: '0',
      NODE_OPTIONS: '--max-old-space-size=128',
    },
  });
  const hub = adminOf(cluster);
  beforeAll(() => fill(hub(), 1_000, 'x'.repeat(10_000)));

  // Gauges tell of the last second: it is still so when one looks.
  planted(cluster, 'pool exhausted', async () => {
    const stop = calling(40, () => listed(hub(), 'content:"nowhere to be found"'));
    await sleep(1_500);
    return stop;
  });

  planted(cluster, 'slow reader', async () => {
    const { credential } = await keyOf(cluster, 'sleepy');
    const session = connectHttp2(`http://${cluster.address(0)}`);
    session.on('error', () => {});
    for (let stream = 0; stream < 5; stream++) neverRead(session, credential);
    await sleep(3_000);
    return () => session.destroy();
  });
});

describe('a server with little memory', () => {
  const cluster = testCluster({
    servers: 1,
    settings: { NODE_OPTIONS: '--max-old-space-size=88 --max-semi-space-size=1' },
  });
  const hub = adminOf(cluster);
  const metadata = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`field_${index}`, `value ${index}`]));

  planted(cluster, 'gc pressure', async () => {
    const memories = Array.from({ length: 250 }, (_, index) => ({ content: `memory ${index}`, metadata }));
    const stop = calling(4, () => hub().memories.batchSaveMemories({ memories }));
    await sleep(2_500);
    return stop;
  });
});

describe('a server that limits calls', () => {
  const cluster = testCluster({ servers: 1, settings: { MEMORYHUB_RATE_LIMIT_KEY: '20' } });

  planted(cluster, 'retry storm', async () => {
    const { credential } = await keyOf(cluster, 'impatient');
    const impatient = plainHub(cluster.address(0), credential);
    await callers(10, 2_000, () => impatient.memories.getStorageInfo({}));
    impatient.close();
  });
});

/** Opens an export and takes nothing of it but what the connection's window holds. */
function neverRead(session: ClientHttp2Session, credential: string): void {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/memoryhub.v1.MemoryService/ExportMemories',
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${credential}`,
  });
  stream.on('error', () => {});
  stream.pause();
  stream.end(Buffer.alloc(5));
}

async function settings(cluster: Cluster, ...changes: readonly string[]): Promise<void> {
  await cluster.database(async (client) => {
    for (const change of changes) await client.query(`ALTER SYSTEM SET ${change}`);
    await client.query('SELECT pg_reload_conf()');
  });
}
