import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectRedis, type RedisConnection, type RedisOptions } from '../../src/server/cache/redis-connection.ts';
import { redisSuite } from '../support/redis.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { SILENT, TestProcess } from './support/process.ts';
import { memoryOf } from './support/sample.ts';
import { ScriptedDatabase } from './support/scripted-database.ts';

const ID = '0190aaaa-0000-7000-8000-000000000001';

describe('the first connection to Redis', () => {
  /** What is told of an address while nobody answers there. */
  const toldOf = async (url: string) => {
    const told: string[] = [];
    const observer = { ...SILENT, lost: (reason: string) => told.push(reason) };
    const connection = await connectRedis(url, observer, { startTimeoutMs: 200 });
    expect(connection.up).toBe(false);
    expect(connection.runId).toBeUndefined();
    connection.close();
    return told;
  };

  it('does without an address that does not answer, and says which and what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    expect(await toldOf(`redis://someone:secret@127.0.0.1:${port}/3`)).toEqual([
      `Redis at redis://127.0.0.1:${port} does not answer (connect ECONNREFUSED 127.0.0.1:${port}): serving without ` +
        'it, from PostgreSQL. It is used as soon as it answers; if the address is wrong, correct REDIS_URL.',
    ]);
  });

  it('does without an address that accepts and stays silent', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect(await toldOf(`redis://127.0.0.1:${port}`)).toEqual([
      expect.stringContaining(`Redis at redis://127.0.0.1:${port} does not answer`),
    ]);
    server.close();
  });

  it.each(['localhost:6379', 'http://localhost:6379', 'not an address', 'redis://'])(
    'refuses %s, which is no address of Redis',
    async (url) => {
      await expect(connectRedis(url, SILENT)).rejects.toThrow('REDIS_URL is not an address of Redis');
    },
  );
});

redisSuite('a Redis that fails later', () => {
  let server: RedisServer;
  let admin: Redis;
  let connection: RedisConnection;
  let database: ScriptedDatabase;
  let process: TestProcess;
  let other: TestProcess;
  let events: string[];

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    admin = new Redis(server.url);
    admin.on('error', () => {});
    await admin.flushall();
    events = [];
    await connect();
  });
  afterEach(() => {
    connection.close();
    admin.disconnect();
  });

  async function connect(options: RedisOptions = {}): Promise<void> {
    const observer = { command: () => {}, lost: () => events.push('lost'), back: () => events.push('back') };
    const breaker = { minPauseMs: 20, maxPauseMs: 50, windowMs: 10_000 };
    connection = await connectRedis(server.url, observer, { commandTimeoutMs: 1_000, breaker, ...options });
    database = new ScriptedDatabase();
    database.put(1, memoryOf(ID, 'old'));
    process = new TestProcess(database, { link: connection, keyPrefix: 'test' });
    other = new TestProcess(database, { link: connection, keyPrefix: 'test' });
    // Without the gates, which note the run id once.
    for (const each of [process, other]) {
      if (each.link !== undefined) Object.defineProperty(each.link, 'runId', { get: () => connection.runId });
    }
  }

  /** Reads and writes give the same answers, in whatever state Redis is. */
  async function same(value: string): Promise<void> {
    await process.write(ID, value);
    for (const each of [process, other]) {
      each.polls.poll();
      expect(await each.read(ID)).toBe(value);
    }
  }

  it('that is down at first is used from its first answer on', async () => {
    connection.close();
    await server.kill();
    await connect({ startTimeoutMs: 100 });
    expect(connection.up).toBe(false);
    await same('before');
    await server.start();
    await vi.waitFor(() => expect(connection.up).toBe(true), { timeout: 10_000 });
    await same('after');
    await process.warm(ID);
    expect(events).toEqual(['lost', 'back']);
  });

  it('is done without when it is killed, and used again when it is back, under a new run id', async () => {
    await process.warm(ID);
    const before = connection.runId;
    await server.kill();
    await vi.waitFor(() => expect(connection.up).toBe(false));
    await same('while it was gone');
    await server.start();
    await vi.waitFor(() => expect(connection.up).toBe(true), { timeout: 10_000 });
    expect(connection.runId).not.toBe(before);
    await same('since it is back');
    await other.warm(ID);
    expect(events).toEqual(['lost', 'back']);
  });

  it('that stops answering is left after three commands, and found again', async () => {
    connection.close();
    await connect({ commandTimeoutMs: 30 });
    await process.warm(ID);
    server.pause();
    await same('one'); // Each waits for its timeout.
    await same('two');
    await vi.waitFor(() => expect(connection.up).toBe(false));
    expect(connection.errors).toBeGreaterThanOrEqual(3);
    const commands = process.link?.commands.length;
    await same('three');
    expect(process.link?.commands).toHaveLength(commands ?? -1);
    server.resume();
    await vi.waitFor(() => expect(connection.up).toBe(true), { timeout: 10_000 });
    await same('four');
    expect(events.slice(0, 2)).toEqual(['lost', 'back']);
  });

  it('that takes no writes, being a replica, is not used', async () => {
    await process.warm(ID);
    await admin.replicaof('127.0.0.1', '1');
    for (const value of ['one', 'two', 'three', 'four']) await same(value);
    await vi.waitFor(() => expect(connection.up).toBe(false));
    for (let n = 0; n < 5; n++) {
      await sleep(50); // Probes come, and must not be content with reading.
      await same(`five ${n}`);
    }
    await admin.replicaof('NO', 'ONE');
    await vi.waitFor(() => expect(connection.up).toBe(true), { timeout: 10_000 });
    await same('six');
    await process.warm(ID);
    expect(events).toEqual(['lost', 'back']);
  });

  it('that is full is not used until it has room', async () => {
    await process.warm(ID);
    await admin.config('SET', 'maxmemory', '1');
    for (const value of ['one', 'two', 'three', 'four']) await same(value);
    await vi.waitFor(() => expect(connection.up).toBe(false));
    await same('five');
    await admin.config('SET', 'maxmemory', '0');
    await vi.waitFor(() => expect(connection.up).toBe(true), { timeout: 10_000 });
    await same('six');
    await process.warm(ID);
  });

  it('that forgot its scripts is told them again', async () => {
    await process.warm(ID);
    await admin.script('FLUSH');
    await same('one');
    await process.warm(ID);
    expect(events).toEqual([]);
  });

  it('that is flushed costs reads, nothing else', async () => {
    for (let n = 0; n < 20; n++) {
      await process.warm(ID);
      await admin.flushall();
      await same(`value ${n}`);
    }
    expect(events).toEqual([]);
  });

  it('tells what it uses, and zeros while it is away', async () => {
    await process.warm(ID);
    const usage = await connection.usage('mark');
    expect(usage.keys).toBeGreaterThan(0);
    expect(usage.usedBytes).toBeGreaterThan(100_000);
    expect(usage.maxBytes).toBe(0);
    expect([usage.marked, (await connection.usage('mark')).marked]).toEqual([false, true]);
    await admin.flushall();
    expect((await connection.usage('mark')).marked).toBe(false);
    connection.close();
    expect(await connection.usage('mark')).toEqual({ usedBytes: 0, keys: 0, maxBytes: 0, marked: false });
  });

  it('with a password: a wrong one is told at the start, without being repeated', async () => {
    await admin.config('SET', 'requirepass', 'right');
    try {
      const url = server.url.replace('redis://', 'redis://:wrong-one@');
      const failing = connectRedis(url, SILENT, { startTimeoutMs: 300 });
      await expect(failing).rejects.toThrow(/refuses us \(.*(WRONGPASS|invalid password).*\)/);
      await expect(failing).rejects.not.toThrow('wrong-one');
      const right = await connectRedis(server.url.replace('redis://', 'redis://:right@'), SILENT);
      expect(right.up).toBe(true);
      right.close();
    } finally {
      await admin.config('SET', 'requirepass', '');
    }
  });
});
