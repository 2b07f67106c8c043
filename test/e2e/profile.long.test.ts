import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProfileKind } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';

const PLANTED = 'planted-words-of-a-memory';
const folder = temporaryFolder();

let database: TestDatabase;
let server: ServerProcess;
let operator: MemoryHub;

beforeAll(async () => {
  database = await createTestDatabase();
  server = new ServerProcess({ DATABASE_URL: database.url, MEMORYHUB_WORKERS: '2' });
  operator = await server.connect('operator');
  const hub = await server.connect();
  await hub.memories.saveMemory({ memory: { content: PLANTED } });
  hub.close();
});
afterAll(async () => {
  operator?.close();
  await server.cleanUp();
  await database.drop();
  rmSync(folder, { recursive: true });
});

/** Reads a stream by hand. */
function by<T>(stream: AsyncIterable<T>): AsyncIterator<T> {
  return stream[Symbol.asyncIterator]();
}

/** Calls the server as long as the work takes. */
async function underLoad<T>(work: Promise<T>): Promise<T> {
  const hub = await server.connect();
  let ended = false;
  void work.finally(() => {
    ended = true;
  });
  while (!ended)
    await Promise.all(Array.from({ length: 20 }, () => by(hub.memories.listMemories({ limit: 5 })).next()));
  hub.close();
  return work;
}

function profile(...args: string[]) {
  return runCommand(['profile', ...args], { env: { MEMORYHUB_DATA_DIR: server.dataDir } });
}

describe('memory-hub profile', () => {
  it('cpu saves what DevTools read, of the worker that was asked for, without memory text', async () => {
    for (const worker of [1, 2]) {
      const out = join(folder, `${worker}.cpuprofile`);
      const flags = ['cpu', '--seconds', '1', '--worker', String(worker), '--out', out];
      const { code, stdout, stderr } = await underLoad(profile(...flags));
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toContain(`of worker ${worker}, pid `);
      expect(stdout).toMatch(/^self +time +function\n\d+\.\d % +\d+\.\d ms +\S/);
      const text = readFileSync(out, 'utf8');
      const { nodes, samples, startTime, endTime } = JSON.parse(text);
      expect(nodes.length).toBeGreaterThan(1);
      expect(samples.length).toBeGreaterThan(100);
      expect(endTime - startTime).toBeGreaterThan(900_000);
      expect(text).not.toContain(PLANTED);
      expect(statSync(out).mode & 0o077).toBe(0);
    }
  });

  it('heap wants to be told that it holds memory text, and names the largest constructors', async () => {
    const refused = await profile('heap', '--out', join(folder, 'refused'));
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('include_content: ') });
    const out = join(folder, 'all.heapsnapshot');
    const { code, stdout } = await profile('heap', '--include-content', '--out', out);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(out, 'utf8')).snapshot.node_count).toBeGreaterThan(10_000);
    expect(stdout).toMatch(/share +own size +objects +constructor\n(.*\n){5}/);
  });

  it('events lists the longest pauses', async () => {
    const out = join(folder, 'events.jsonl');
    const { code, stdout } = await underLoad(profile('events', '--seconds', '1', '--out', out));
    expect(code).toBe(0);
    expect(stdout).toMatch(/garbage collection: \d+\.\d % of the time/);
    const events = readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.filter(({ event }) => event === 'loop').length).toBeGreaterThanOrEqual(5);
  });
});

describe('AdminService.CaptureProfile', () => {
  it('takes one at a time in a process, is over when its caller leaves, and is in the audit trail', async () => {
    const leave = new AbortController();
    const first = by(
      operator.admin.captureProfile({ kind: ProfileKind.EVENTS, seconds: 30 }, { signal: leave.signal }),
    );
    await first.next();
    const second = () => by(operator.admin.captureProfile({ kind: ProfileKind.CPU, seconds: 1 })).next();
    await expect(second()).rejects.toMatchObject({ reason: 'PROFILE_RUNNING' });
    leave.abort();
    await expect(first.next()).rejects.toMatchObject({ codeName: 'CANCELLED' });
    const taken = () =>
      second().then(
        ({ value }) => value.data.byteLength > 0,
        () => false,
      );
    await expect.poll(taken, { timeout: 20_000 }).toBe(true);
    const events: string[] = [];
    for await (const page of operator.admin.listAuditEvents({ action: 'CaptureProfile' })) {
      events.push(...page.events.map(({ action }) => action));
    }
    expect(events.length).toBeGreaterThanOrEqual(6);
  });

  it('is for operators only, and refuses what it cannot do by name', async () => {
    const admin = await server.connect();
    await expect(by(admin.admin.captureProfile({ kind: ProfileKind.CPU })).next()).rejects.toMatchObject({
      reason: 'ROLE_DENIED',
    });
    admin.close();
    for (const [request, field] of [
      [{ kind: ProfileKind.CPU, seconds: 31 }, 'seconds'],
      [{}, 'kind'],
      [{ kind: ProfileKind.HEAP }, 'include_content'],
    ] as const) {
      await expect(by(operator.admin.captureProfile(request)).next()).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        message: expect.stringContaining(field),
      });
    }
  });
});
