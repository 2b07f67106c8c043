import { randomBytes } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { Consistency, Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { codeBlocks } from '../docs/code-blocks.ts';
import { plainHub, testCluster } from './support/cluster.ts';

/** In everything that is planted, and nowhere else. */
const CANARY = `canary${randomBytes(8).toString('hex')}`;
const PLANTED = 1_000;
const USER = `user-${CANARY}`;

describe('a user who is erased', () => {
  const cluster = testCluster({
    redis: true,
    ownPostgres: true,
    settings: { LOG_LEVEL: 'debug', MEMORYHUB_ACCESS_LOG: '1' },
  });
  const hubs: MemoryHub[] = [];
  afterAll(() => {
    for (const hub of hubs) hub.close();
  });
  const as = (server: number, credential: string) => {
    const hub = plainHub(cluster.address(server), credential);
    hubs.push(hub);
    return hub;
  };
  const redisDump = async () => {
    const redis = new Redis(cluster.redis.url);
    try {
      // Compressed, a text is cut where three of its characters were there before.
      await redis.config('SET', 'rdbcompression', 'no');
      await redis.save();
      const [, folder = ''] = (await redis.config('GET', 'dir')) as string[];
      return readFileSync(join(folder, 'dump.rdb')).toString('latin1');
    } finally {
      redis.disconnect();
    }
  };

  it('leaves none of a thousand canaries in tables, Redis, logs, exports and, once swept, in the files of the database', async () => {
    // As docs/operating.md has it for whoever must know when bytes are gone.
    await cluster.database(async (client) => {
      await client.query('ALTER SYSTEM SET wal_recycle = off');
      await client.query('SELECT pg_reload_conf()');
    });
    await cluster.newWorkspace('forgetful');
    const admin = as(0, await cluster.newKey({ workspace: 'forgetful', role: Role.ADMIN }));
    const credential = await cluster.newKey({ workspace: 'forgetful', role: Role.WRITER, userId: USER });
    const others = as(0, await cluster.newKey({ workspace: 'forgetful', role: Role.WRITER, userId: 'other' }));
    const users = [as(0, credential), as(1, credential)] as const;
    const [ids, kept] = await plant(users, others);

    await cluster.database((client) => client.query('ANALYZE memories; ANALYZE memory_revisions; CHECKPOINT'));
    expect(await filesWith(cluster.postgresFolder)).not.toEqual([]);
    expect(await redisDump()).toContain(CANARY);
    const list = await exported(admin);
    expect(list).toContain(CANARY);

    const answer = await admin.memories.eraseUser({ userId: USER, note: 'as asked' });
    expect(answer.receipt).toMatchObject({ memories: BigInt(PLANTED), dryRun: false });
    expect(Number(answer.receipt?.revisions)).toBeGreaterThanOrEqual(PLANTED * 1.4);
    expect(answer.apiKeyIds).toHaveLength(1);

    // At once, on every server, from every cache; EVENTUAL answers may be a second old.
    for (const { memories } of users) {
      const every = await memories.batchGetMemories({ ids: ids.slice(0, 500) });
      expect(every.memories).toEqual([]);
    }
    await expect
      .poll(async () => {
        const some = { ids: ids.slice(0, 500), consistency: Consistency.EVENTUAL };
        return (await users[1].memories.batchGetMemories(some)).memories.length;
      })
      .toBe(0);
    expect(await redisDump()).not.toContain(CANARY);
    const rest = await exported(as(1, await cluster.newKey({ workspace: 'forgetful', role: Role.ADMIN })));
    expect(rest).not.toContain(CANARY);
    expect(rest).toContain('of another');
    expect((await others.memories.batchGetMemories({ ids: kept })).memories).toHaveLength(kept.length);
    // Keys are only reported; the bound ones name the user until they are gone.
    await cluster.database((client) => client.query("DELETE FROM api_keys WHERE user_id LIKE 'user-canary%'"));
    for (const table of ['memories', 'memory_revisions', 'request_log', 'audit']) {
      const found = await cluster.database((client) =>
        client.query(`SELECT count(*)::int AS rows FROM ${table} t WHERE t::text LIKE '%${CANARY}%'`),
      );
      expect(found.rows, table).toEqual([{ rows: 0 }]);
    }

    await sweep();
    expect(await filesWith(cluster.postgresFolder)).toEqual([]);
    for (const server of cluster.servers) expect(server.output).not.toContain(CANARY);
  }, 180_000);

  /** Personal memories with a canary in every field, read on both servers, some changed and some deleted; and others'. */
  async function plant(users: readonly [MemoryHub, MemoryHub], others: MemoryHub): Promise<[string[], string[]]> {
    const ids: string[] = [];
    for (let from = 0; from < PLANTED; from += 100) {
      const memories = Array.from({ length: 100 }, (_, n) => ({
        scope: Scope.PERSONAL,
        key: `${CANARY}-key-${from + n}`,
        category: `${CANARY}-category-${n % 7}`,
        tags: [`${CANARY}-tag`],
        // The long ones are kept out of line.
        content: `${CANARY}-content-${from + n} ${n % 10 === 0 ? randomBytes(4_000).toString('base64') : ''}`,
        metadata: { note: `${CANARY}-metadata` },
      }));
      const saved = await users[0].memories.batchSaveMemories({ memories, note: `${CANARY}-note` });
      ids.push(...saved.memories.map(({ id }) => id));
    }
    for (const id of ids.slice(0, 500)) {
      await users[0].memories.updateMemory({ memory: { id, content: `${CANARY}-changed` }, updateMask: ['content'] });
    }
    await users[0].memories.batchDeleteMemories({ targets: ids.slice(900).map((id) => ({ id, etag: '' })) });
    for (const { memories } of users) {
      // No more at once than a server lets in however slow its machine is.
      for (let from = 0; from < PLANTED; from += 100) {
        const some = ids.slice(from, from + 100);
        await Promise.all(
          some.map((id) => memories.getMemory({ target: { $case: 'id', value: id }, showDeleted: true })),
        );
      }
      await memories.batchGetMemories({ ids: ids.slice(0, 500), consistency: Consistency.EVENTUAL });
    }
    const kept = await others.memories.batchSaveMemories({
      memories: Array.from({ length: 200 }, (_, n) => ({ content: `of another ${n}` })),
    });
    return [ids, kept.memories.map(({ id }) => id)];
  }

  async function exported(hub: MemoryHub): Promise<string> {
    const parts: Buffer[] = [];
    for await (const { event } of hub.memories.exportMemories({ showDeleted: true })) {
      if (event?.$case === 'chunk') parts.push(Buffer.from(event.value.data));
    }
    return Buffer.concat(parts).toString('latin1');
  }

  /** The very statements of the document. */
  async function sweep(): Promise<void> {
    const block = codeBlocks('docs/operating.md').find(({ lines }) => lines.some((line) => line.startsWith('VACUUM')));
    const statements = (block?.lines ?? []).filter((line) => line.trim() !== '');
    expect(statements.length).toBeGreaterThan(5);
    await cluster.database(async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  }
});

/** Files under a folder, the write-ahead log among them, that hold the canary. */
async function filesWith(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (await holds(path)) found.push(path.slice(folder.length + 1));
  }
  return found;
}

async function holds(path: string): Promise<boolean> {
  let rest = '';
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const text = rest + (part as Buffer).toString('latin1');
    if (text.includes(CANARY)) return true;
    rest = text.slice(-CANARY.length);
  }
  return false;
}
