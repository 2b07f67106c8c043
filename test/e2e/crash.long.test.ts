import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { runCommand, ServerProcess } from '../support/server-process.ts';

/** Saves one memory after another, 8 at a time, until told to stop; keeps what was acknowledged. */
function writer(hub: MemoryHub) {
  const acknowledged = new Map<string, string>();
  let stopped = false;
  const loops = Array.from({ length: 8 }, async (_, lane) => {
    for (let i = 0; !stopped; i++) {
      const content = `lane ${lane} write ${i}`;
      try {
        const saved = await hub.memories.saveMemory({ memory: { content } });
        acknowledged.set(saved.id, content);
      } catch {
        await sleep(20);
      }
    }
  });
  return {
    acknowledged,
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
    },
  };
}

async function expectAllThere(hub: MemoryHub, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const ids = [...acknowledged.keys()];
  expect(ids.length).toBeGreaterThan(20);
  for (let at = 0; at < ids.length; at += 1000) {
    const { memories, missingIds } = await hub.memories.batchGetMemories({ ids: ids.slice(at, at + 1000) });
    expect(missingIds).toEqual([]);
    for (const memory of memories) expect(memory.content).toBe(acknowledged.get(memory.id));
  }
}

describe('what was acknowledged is there', () => {
  const servers: ServerProcess[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.cleanUp())));

  it('after kill -9 of the server in mid-write, and its PostgreSQL is adopted', async () => {
    const first = new ServerProcess();
    servers.push(first);
    const hub = await first.connect();
    const writes = writer(hub);
    await sleep(1000);
    expect(await first.stop('SIGKILL')).toBe('SIGKILL');
    const stopped = writes.stop();
    // Its calls would wait for the server until their deadline.
    hub.close();
    await stopped;

    const env = { MEMORYHUB_DATA_DIR: first.dataDir };
    expect((await runCommand(['status'], { env })).stdout).toContain('left behind');
    const second = new ServerProcess({}, first.dataDir);
    servers.push(second);
    const again = await second.connect();
    await expectAllThere(again, writes.acknowledged);
    again.close();
    expect(await second.stop()).toBe(0);
  });

  it('after kill -9 of PostgreSQL in mid-write, which comes back by itself', async () => {
    const server = new ServerProcess();
    servers.push(server);
    const hub = await server.connect();
    const writes = writer(hub);
    await sleep(700);
    const status = await runCommand(['status', '--json'], { env: { MEMORYHUB_DATA_DIR: server.dataDir } });
    const { postgres } = JSON.parse(status.stdout) as { postgres: { pid: number } };
    process.kill(postgres.pid, 'SIGKILL');
    const before = writes.acknowledged.size;
    const deadline = Date.now() + 15_000;
    while (writes.acknowledged.size < before + 50 && Date.now() < deadline) await sleep(50);
    expect(writes.acknowledged.size).toBeGreaterThanOrEqual(before + 50);
    await writes.stop();
    await expectAllThere(hub, writes.acknowledged);
    hub.close();
  });

  it('and stop ends what a killed server left behind', async () => {
    const server = new ServerProcess();
    servers.push(server);
    await server.address();
    await server.stop('SIGKILL');
    const env = { MEMORYHUB_DATA_DIR: server.dataDir };
    expect((await runCommand(['stop'], { env })).stdout).toContain('Ended PostgreSQL');
    expect((await runCommand(['stop'], { env })).stdout).toContain('Nothing was running.');
  });
});
