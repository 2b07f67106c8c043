import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { ExportFormat } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { judge, recovers } from './support/judge.ts';
import { recordingClients } from './support/recorded.ts';

const ITEMS = 400;

describe('a server that is killed', () => {
  const cluster = testCluster({ redis: true });
  let credential = '';
  beforeAll(() => {
    credential = cluster.server(0).credential('admin');
  });

  it('F10: leaves a batch done or not, and a retry through another server finds out which', async () => {
    const survivor = plainHub(cluster.address(1), credential);
    // The kill comes ever later into the batch: before it is sent, while it commits, after.
    for (const delayMs of [2, 15, 30, 60, 120]) {
      const hub = plainHub(cluster.address(0), credential);
      await hub.memories.listStorages({});
      const category = `killed after ${delayMs} ms`;
      const memories = Array.from({ length: ITEMS }, (_, index) => ({
        id: randomUUID(),
        category,
        content: `${category}: item ${index}`,
      }));
      const requestId = randomUUID();
      const first = hub.memories.batchSaveMemories({ memories, requestId }).then(
        () => 'ok',
        (error) => toRpcError(error).codeName,
      );
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await cluster.server(0).stop('SIGKILL');
      const outcome = await first;
      expect(['ok', 'UNAVAILABLE']).toContain(outcome);

      const retried = await survivor.memories.batchSaveMemories({ memories, requestId });
      expect(retried.memories.map(({ id }) => id)).toEqual(memories.map(({ id }) => id));
      const again = await survivor.memories.batchSaveMemories({ memories, requestId });
      expect(again.memories).toEqual(retried.memories);
      expect(again.replayed).toBe(true);
      const stored = await cluster.database((client) =>
        client.query<{ revisions: string; once: string }>(
          `SELECT count(*) revisions, count(*) FILTER (WHERE revision = 1) once
             FROM memory_revisions WHERE category = $1`,
          [category],
        ),
      );
      expect(stored.rows[0]).toEqual({ revisions: `${ITEMS}`, once: `${ITEMS}` });
      await cluster.restart(0);
      hub.close();
    }
    survivor.close();
  });

  it('again and again under load, loses nothing acknowledged and doubles nothing', async () => {
    const clients = await recordingClients(cluster);
    clients.start();
    for (let times = 0; times < 4; times++) {
      await clients.acknowledged(100);
      await cluster.server(times % 2).stop('SIGKILL');
      await clients.acknowledged(50);
      await cluster.restart(times % 2);
    }
    await recovers(cluster, credential);
    await clients.acknowledged(100);
    // A mark of a killed writer stands for up to 10 s in Redis; nobody may read what is behind it.
    const gone = ['UNAVAILABLE/', 'DEADLINE_EXCEEDED/', 'DEADLINE_EXCEEDED/DEADLINE_EXCEEDED'];
    await judge(cluster, clients, { failures: gone, readYourWritesMs: 0 });
  });

  it.each([
    ['PROTO', ExportFormat.PROTO],
    ['JSONL', ExportFormat.JSONL],
    ['CSV', ExportFormat.CSV],
  ])('F11: a %s export goes on at another server, and the parts equal an uninterrupted one', async (name, format) => {
    const rows = 3_000;
    const workspace = `export-${name.toLowerCase()}`;
    await cluster.newWorkspace(workspace);
    const key = await cluster.newKey({ workspace, role: Role.WRITER });
    const [a, b] = [0, 1].map((index) => plainHub(cluster.address(index), key)) as [MemoryHub, MemoryHub];
    const filler = 'lorem ipsum '.repeat(60);
    for (let at = 0; at < rows; at += 500) {
      const memories = Array.from({ length: 500 }, (_, index) => ({ content: `row ${at + index} ${filler}` }));
      await b.memories.batchSaveMemories({ memories });
    }
    // As it will be, had nothing happened meanwhile.
    const whole = await readExport(b, format);
    expect(whole.trailer?.count).toBe(BigInt(rows));

    const broken = await readExport(a, format, '', async (chunks) => {
      if (chunks === 2) await cluster.server(0).stop('SIGKILL');
    });
    expect(broken.trailer).toBeUndefined();
    expect(broken.chunks.length).toBeGreaterThanOrEqual(2);

    // What is changed, made and deleted in the break is not of the export's revision.
    const { id = '' } =
      (await firstOf(b.memories.listMemories({ limit: 1, orderBy: 'create_time' }))).memories[0] ?? {};
    await b.memories.updateMemory({ memory: { id, content: 'changed in the break' }, updateMask: ['content'] });
    await b.memories.saveMemory({ memory: { content: 'made in the break' } });
    const last = (await firstOf(b.memories.listMemories({ limit: 1 }))).memories[0];
    await b.memories.deleteMemory({ id: last?.id ?? '' });

    const rest = await readExport(b, format, broken.resumeToken);
    const joined = Buffer.concat([...broken.chunks, ...rest.chunks]);
    expect(joined.equals(Buffer.concat(whole.chunks))).toBe(true);
    expect(rest.trailer).toEqual(whole.trailer);
    for (const hub of [a, b]) hub.close();
    await cluster.restart(0);
  });
});

/** Reads until the end or until the server is gone. */
async function readExport(
  hub: MemoryHub,
  format: ExportFormat,
  resumeToken = '',
  onChunk: (count: number) => Promise<void> = async () => {},
) {
  const chunks: Buffer[] = [];
  let last = resumeToken;
  try {
    for await (const { event } of hub.memories.exportMemories({ format, resumeToken })) {
      if (event?.$case === 'trailer') return { chunks, resumeToken: last, trailer: event.value };
      if (event?.$case !== 'chunk') continue;
      expect(crc32(event.value.data)).toBe(event.value.crc32);
      chunks.push(Buffer.from(event.value.data));
      last = event.value.resumeToken;
      await onChunk(chunks.length);
    }
  } catch (error) {
    expect(toRpcError(error).codeName).toBe('UNAVAILABLE');
  }
  return { chunks, resumeToken: last, trailer: undefined };
}

async function firstOf<T>(stream: AsyncIterable<T>): Promise<T> {
  for await (const message of stream) return message;
  throw new Error('the stream is empty');
}
