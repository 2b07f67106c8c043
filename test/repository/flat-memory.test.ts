import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionPool } from '../../src/server/database/connection-pool.ts';
import { MemoryService } from '../../src/server/domain/memory-service.ts';
import { TokenSealer } from '../../src/server/security/token-sealer.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { fields, Hub, save, WRITE } from '../contract/fixtures.ts';
import { READER } from '../rpc/harness.ts';
import { openSealing } from '../support/sealing.ts';
import { newWorkspace, testRepository } from './support/repository.ts';

/** What the database sent, statement by statement: characters of what the driver read, bytes of pages. */
const received: { readonly rows: number; readonly characters: number }[] = [];

/** Statements on their way. */
let running = 0;

/** A pool that counts what comes out of it. */
function counted(pool: ConnectionPool): ConnectionPool {
  const query = async (...args: Parameters<ConnectionPool['query']>) => {
    running += 1;
    const result = await pool.query(...args).finally(() => {
      running -= 1;
    });
    const rows = result.rows as unknown as (string | null)[][];
    const characters = rows.reduce((sum, row) => sum + row.reduce((all, value) => all + (value?.length ?? 0), 0), 0);
    received.push({ rows: rows.length, characters });
    return result;
  };
  const withClient: ConnectionPool['withClient'] = (work, signal) =>
    pool.withClient(async (client) => {
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
      const before = stream.bytesRead;
      running += 1;
      const result = await work(client).finally(() => {
        running -= 1;
      });
      received.push({ rows: 0, characters: stream.bytesRead - before });
      return result;
    }, signal);
  return { query, withClient } as unknown as ConnectionPool;
}

const LARGE = 400;
/** What a page may have: its bytes, the row that passes them, and the places of rows without room. */
const MOST = 1.5 * 1024 * 1024;

const subject = testRepository();
let hub: Hub;
let service: MemoryService;
let ids: string[];

beforeAll(async () => {
  const pool = counted(subject().database.pool);
  const repository = subject().another({}, { pool, readPool: pool });
  hub = new Hub(repository, await newWorkspace(subject().database));
  const clock = { now: () => Date.now() * 1000 };
  const sealing = (await openSealing(subject().database)).metadata(repository);
  service = new MemoryService({ repository, clock, tokens: new TokenSealer(randomBytes(32)), sealing });
  const content = 'x'.repeat(LIMITS.contentBytes.max);
  ids = [];
  // Small ones first in every order but by id, so that pages have grown when the large ones come.
  await hub.write(Array.from({ length: 1000 }, () => save({ content: 'small', fresh: true })));
  for (let n = 0; n < LARGE / 20; n++) {
    const changes = Array.from({ length: 20 }, () => save({ content, fresh: true }));
    await hub.write(changes);
    ids.push(...changes.map(({ id }) => id));
  }
});

/** Every statement that was sent has been answered. */
async function settled(): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 10));
  while (running > 0);
}

function list() {
  const read = { view: 0, consistency: 0 };
  const request = { ...read, filter: '', orderBy: 'create_time', limit: 0, pageToken: '', showDeleted: false };
  return service.list(hub.call, request).pages(WRITE);
}

async function* exported() {
  const request = { filter: '', format: 1, resumeToken: '', showDeleted: false, revealSensitive: false };
  const running = service.export({ ...hub.call, principal: READER, peer: '' }, request);
  yield* running.pages(await running.start(), WRITE);
}

describe('over four hundred memories of 256 KiB', () => {
  it('no page of a list is large, also when those before it had many small rows', async () => {
    received.length = 0;
    let given = 0;
    let largest = 0;
    const sizes: number[] = [];
    for await (const { rows } of list()) {
      given += rows.count;
      largest = Math.max(largest, rows.count);
      sizes.push(rows.size);
    }
    expect(given).toBe(1000 + LARGE);
    expect(largest).toBeGreaterThan(500);
    expect(Math.max(...sizes)).toBeLessThan(MOST);
    // Let go are those that were asked for before large ones were met, and half of those asked for since.
    const sent = received.reduce((sum, { characters }) => sum + characters, 0);
    expect(sent).toBeLessThan((3 * LARGE + 64) * LIMITS.contentBytes.max);
    // A page ends at about the size of one of the large ones.
    expect(received.length).toBeLessThan(LARGE + 20);
  });

  it('no page of an export is large', async () => {
    received.length = 0;
    let given = 0;
    const sizes: number[] = [];
    for await (const rows of exported()) {
      given += rows.count;
      sizes.push(rows.size);
    }
    expect(given).toBe(1000 + LARGE);
    expect(Math.max(...sizes)).toBeLessThan(MOST);
  });

  it.each([
    ['list', list],
    ['export', exported],
  ] as const)('a reader of a(n) %s that stops has two pages, the one it reads and the next', async (_, open) => {
    const reader = open();
    received.length = 0;
    let before = received.length;
    // Up to where the large ones are.
    while (received.reduce((sum, { characters }) => sum + characters, 0) < 5 * MOST) {
      before = received.length;
      const { done } = await reader.next();
      expect(done).toBe(false);
      await settled();
    }
    expect(received.length - before).toBeLessThanOrEqual(2);
    const held = received.length;
    await settled();
    expect(received).toHaveLength(held);
    await reader.return(undefined);
  });

  it('no page of a history is large', async () => {
    const [id = ''] = ids;
    for (let n = 0; n < 12; n++) await hub.done(save({ id, fields: fields({ content: `${n % 10}`.repeat(262_144) }) }));
    received.length = 0;
    let given = 0;
    const request = { memoryId: id, limit: 0, pageToken: '' };
    for await (const page of service.listRevisions(hub.call, request)) given += page.revisions.length;
    expect(given).toBe(13);
    expect(Math.max(...received.map(({ characters }) => characters))).toBeLessThan(MOST);
  });

  it('a batch get of all reads no more than its answer has room for, a hundred at most', async () => {
    received.length = 0;
    let room = 15;
    const request = { view: 0, consistency: 3, ids };
    const found = await service.batchGet(hub.call, request, () => room-- > 0);
    expect(found.missingIds).toEqual([]);
    expect(found.remainingIds).toEqual(ids.slice(15));
    const read = received.reduce((sum, { characters }) => sum + characters, 0);
    expect(Math.floor(read / LIMITS.contentBytes.max)).toBe(100);
  });
});
